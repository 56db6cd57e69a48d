"""What a model call may ask of its provider, format by format; each entry is a trick that was or could be tried."""
# ruff: noqa: E501 (tables: one body a line)

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import BodyRefused, Findings, Malformed, ServerTools, parse, serialise
from ironcurtain_tui.providers.chat_completions import CHAT_COMPLETIONS
from ironcurtain_tui.providers.generate_content import GENERATE_CONTENT
from ironcurtain_tui.providers.messages import MESSAGES
from ironcurtain_tui.providers.responses import RESPONSES

Json = dict[str, Any]


@dataclass(frozen=True)
class Case:
    name: str
    speaks: WireFormat
    body: Json
    left: Json | None = None
    """What is sent when it is stripped; None when the request is refused then too."""


def settled(speaks: WireFormat, body: Json, treatment: ServerTools) -> tuple[Json, tuple[str, ...]]:
    document = parse(json.dumps(body).encode())
    findings = Findings()
    speaks.look_through(document, findings)
    return document, findings.settle(treatment)


TEXT = {"type": "text", "text": "hello"}
PNG = "data:image/png;base64,AAAA"
TOOL = {
    "name": "Bash",
    "description": "x",
    "input_schema": {"type": "object", "properties": {"url": {"type": "string"}}},
}
FUNCTION = {"type": "function", "function": {"name": "shell", "parameters": {"type": "object"}}}
FLAT = {
    "type": "function",
    "name": "shell",
    "parameters": {"type": "object", "properties": {"type": {"type": "string"}}},
}


def said(*content: Json, role: str = "user") -> Json:
    return {"role": role, "content": list(content)}


def messages(**more: Any) -> Json:
    return {"model": "claude-x", "max_tokens": 5, "messages": [said(TEXT)], **more}


def chat(**more: Any) -> Json:
    return {"model": "gpt-x", "messages": [{"role": "user", "content": "hello"}], **more}


def response(**more: Any) -> Json:
    return {"model": "gpt-x", "input": "hello", "store": False, **more}


def gemini(**more: Any) -> Json:
    return {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], **more}


HARMLESS = [
    Case("plain", MESSAGES, messages()),
    Case(
        "client tools",
        MESSAGES,
        messages(
            tools=[
                TOOL,
                {"type": "custom", **TOOL},
                {"type": "bash_20250124", "name": "bash"},
                {"type": "text_editor_20250728", "name": "e"},
                {"type": "computer_20251124", "name": "c"},
                {"type": "memory_20250818", "name": "memory"},
                {"type": "tool_search_tool_regex_20251119", "name": "t"},
            ],
            tool_choice={"type": "auto"},
        ),
    ),
    Case(
        "as Claude Code",
        MESSAGES,
        messages(
            system=[{**TEXT, "cache_control": {"type": "ephemeral"}}],
            thinking={"type": "adaptive"},
            stream=True,
            metadata={"user_id": "u"},
            context_management={"edits": []},
            output_config={"effort": "high"},
        ),
    ),
    Case(
        "pictures in it",
        MESSAGES,
        messages(
            messages=[
                said(
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    {"type": "document", "source": {"type": "text", "data": "x"}},
                    {"type": "document", "source": {"type": "content", "content": [TEXT]}},
                )
            ]
        ),
    ),
    Case(
        "tool results",
        MESSAGES,
        messages(
            messages=[
                said(
                    {
                        "type": "tool_use",
                        "id": "1",
                        "name": "Fetch",
                        "input": {"url": "https://x", "type": "image", "source": {"type": "url", "url": "x"}},
                    },
                    role="assistant",
                ),
                said(
                    {
                        "type": "tool_result",
                        "tool_use_id": "1",
                        "content": [TEXT, {"type": "tool_reference", "tool_name": "a"}],
                    },
                    TEXT,
                ),
                {"role": "system", "content": "x"},
            ]
        ),
    ),
    Case("plain", CHAT_COMPLETIONS, chat()),
    Case(
        "functions",
        CHAT_COMPLETIONS,
        chat(
            tools=[FUNCTION, {"type": "custom", "custom": {"name": "c"}}],
            tool_choice="auto",
            parallel_tool_calls=True,
            stream=True,
            stream_options={"include_usage": True},
        ),
    ),
    Case(
        "pictures in it",
        CHAT_COMPLETIONS,
        chat(
            messages=[
                said(
                    TEXT,
                    {"type": "image_url", "image_url": {"url": PNG}},
                    {"type": "file", "file": {"file_data": "data:application/pdf;base64,AA", "filename": "a"}},
                    {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}},
                )
            ]
        ),
    ),
    Case(
        "tool results",
        CHAT_COMPLETIONS,
        chat(
            messages=[
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "shell", "arguments": "{}"}}],
                },
                {"role": "tool", "tool_call_id": "1", "content": "ok"},
            ],
            store=None,
        ),
    ),
    Case("plain", RESPONSES, response()),
    Case(
        "as Codex",
        RESPONSES,
        response(
            instructions="x",
            tools=[FLAT, {"type": "custom", "name": "exec", "format": {"type": "grammar"}}, {"type": "local_shell"}],
            tool_choice="auto",
            include=["reasoning.encrypted_content"],
            reasoning={"effort": "high"},
            prompt_cache_key="k",
            stream=True,
            parallel_tool_calls=False,
            previous_response_id=None,
        ),
    ),
    Case(
        "tools as an item",
        RESPONSES,
        response(input=[{"type": "additional_tools", "tools": [FLAT]}, {"role": "user", "content": "x"}]),
    ),
    Case(
        "a conversation",
        RESPONSES,
        response(
            input=[
                {
                    "type": "message",
                    "role": "user",
                    "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": PNG}],
                },
                {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "e"},
                {"type": "function_call", "call_id": "c", "name": "shell", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "ok"},
                {"type": "function_call_output", "call_id": "d", "output": [{"type": "input_text", "text": "x"}]},
                {"role": "assistant", "content": [{"type": "output_text", "text": "x"}]},
            ]
        ),
    ),
    Case(
        "tools of the client in a namespace",
        RESPONSES,
        response(
            tools=[
                {"type": "namespace", "name": "mcp", "tools": [FLAT]},
                {"type": "tool_search", "execution": "client"},
                {"type": "shell", "environment": {"type": "local"}},
                {"type": "apply_patch"},
            ]
        ),
    ),
    Case("plain", GENERATE_CONTENT, gemini()),
    Case(
        "as Gemini CLI",
        GENERATE_CONTENT,
        gemini(
            systemInstruction={"role": "user", "parts": [{"text": "x"}]},
            tools=[
                {
                    "functionDeclarations": [
                        {
                            "name": "shell",
                            "parameters": {"type": "OBJECT", "properties": {"file_data": {}, "fileData": {}}},
                        }
                    ]
                }
            ],
            toolConfig={"functionCallingConfig": {"mode": "AUTO"}},
            generationConfig={"temperature": 0, "thinkingConfig": {"includeThoughts": True}},
        ),
    ),
    Case(
        "snake case",
        GENERATE_CONTENT,
        gemini(
            system_instruction={"parts": [{"text": "x"}]},
            tools=[{"function_declarations": []}],
            generation_config={},
            safety_settings=[],
        ),
    ),
    Case(
        "calls",
        GENERATE_CONTENT,
        {
            "contents": [
                {
                    "role": "model",
                    "parts": [{"functionCall": {"name": "f", "args": {"fileData": {}}}, "thoughtSignature": "x"}],
                },
                {
                    "role": "user",
                    "parts": [
                        {
                            "functionResponse": {
                                "name": "f",
                                "response": {"googleSearch": {}},
                                "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}],
                            }
                        }
                    ],
                },
            ]
        },
    ),
]

TRICKS = [
    # Anthropic
    Case("web search", MESSAGES, messages(tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}]), messages(tools=[TOOL])),
    Case("web search alone, forced", MESSAGES, messages(tools=[{"type": "web_search_20250305", "name": "web_search"}], tool_choice={"type": "tool", "name": "web_search"}), messages(tools=[])),
    Case("forced among others", MESSAGES, messages(tools=[{"type": "web_search_20260209", "name": "web_search"}, TOOL], tool_choice={"type": "tool", "name": "web_search"}), messages(tools=[TOOL])),
    Case("another is forced", MESSAGES, messages(tools=[{"type": "web_fetch_20250910", "name": "web_fetch"}, TOOL], tool_choice={"type": "tool", "name": "Bash"}), messages(tools=[TOOL], tool_choice={"type": "tool", "name": "Bash"})),
    Case("several", MESSAGES, messages(tools=[{"type": "code_execution_20250825", "name": "c"}, {"type": "web_fetch_20250910", "name": "f"}, {"type": "mcp_toolset", "mcp_server_name": "x"}]), messages(tools=[])),
    Case("two alike", MESSAGES, messages(tools=[{"type": "code_execution_20250825", "name": "c"}, {"type": "code_execution_20250825", "name": "c"}, TOOL]), messages(tools=[TOOL])),
    Case("tool of tomorrow", MESSAGES, messages(tools=[{"type": "teleport_20270101", "name": "c"}]), messages(tools=[])),
    Case("type in capitals", MESSAGES, messages(tools=[{"type": "CUSTOM", "name": "c"}]), messages(tools=[])),
    Case("type with a blank", MESSAGES, messages(tools=[{"type": "custom ", "name": "c"}]), messages(tools=[])),
    Case("type with a line's end", MESSAGES, messages(tools=[{"type": "custom\n", "name": "c"}]), messages(tools=[])),
    Case("client tool with a tail", MESSAGES, messages(tools=[{"type": "bash_20250124_web", "name": "c"}]), messages(tools=[])),
    Case("letters that look alike", MESSAGES, messages(tools=[{"type": "\u0441ustom", "name": "c"}]), messages(tools=[])),
    Case("digits of another script", MESSAGES, messages(tools=[{"type": "bash_\u0662\u0660250124", "name": "c"}]), messages(tools=[])),
    Case("remote MCP", MESSAGES, messages(mcp_servers=[{"type": "url", "url": "https://x", "name": "x"}]), messages()),
    Case("container with skills", MESSAGES, messages(container={"skills": [{"type": "anthropic", "skill_id": "pdf"}]}), messages()),
    Case("field of tomorrow", MESSAGES, messages(connectors=["drive"]), messages()),
    Case("field in capitals", MESSAGES, messages(MCP_Servers=[]), messages()),
    Case("field with a long s", MESSAGES, {**messages(), "tool\u017f": [{"type": "web_search_20250305"}]}, messages()),
    Case("picture by url", MESSAGES, messages(messages=[said({"type": "image", "source": {"type": "url", "url": "https://x"}})])),
    Case("document by url", MESSAGES, messages(messages=[said({"type": "document", "source": {"type": "url", "url": "https://x"}})])),
    Case("document by file id", MESSAGES, messages(messages=[said({"type": "document", "source": {"type": "file", "file_id": "f"}})])),
    Case("url behind a harmless type", MESSAGES, messages(messages=[said({"type": "image", "source": {"type": "base64", "url": "https://x"}})])),
    Case("picture by url in a tool result", MESSAGES, messages(messages=[said({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]})])),
    Case("picture by url in a document", MESSAGES, messages(messages=[said({"type": "document", "source": {"type": "content", "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]}})])),
    Case("picture by url in the system prompt", MESSAGES, messages(system=[{"type": "image", "source": {"type": "url", "url": "https://x"}}])),
    Case("upload for the container", MESSAGES, messages(messages=[said({"type": "container_upload", "file_id": "f"})])),
    Case("content of tomorrow", MESSAGES, messages(messages=[said({"type": "hologram", "url": "https://x"})])),
    # OpenAI, chat
    Case("web search", CHAT_COMPLETIONS, chat(web_search_options={}), chat()),
    Case("web search as a tool", CHAT_COMPLETIONS, chat(tools=[{"type": "web_search"}, FUNCTION]), chat(tools=[FUNCTION])),
    Case("tool without type", CHAT_COMPLETIONS, chat(tools=[{"function": {"name": "x"}}]), chat(tools=[])),
    Case("OpenRouter's search", CHAT_COMPLETIONS, chat(tools=[{"type": "openrouter:web_search"}]), chat(tools=[])),
    Case("OpenRouter's plug-ins", CHAT_COMPLETIONS, chat(plugins=[{"id": "web"}], transforms=["middle-out"]), chat()),
    Case("online", CHAT_COMPLETIONS, chat(model="openai/gpt-x:online"), chat(model="openai/gpt-x")),
    Case("online, in capitals", CHAT_COMPLETIONS, chat(model="openai/gpt-x:ONLINE")),
    Case("online, in the middle", CHAT_COMPLETIONS, chat(model="openai/gpt-x:online:free")),
    Case("online, in reserve", CHAT_COMPLETIONS, chat(models=["a/b", "a/c:online"])),
    Case("a model that searches", CHAT_COMPLETIONS, chat(model="gpt-4o-search-preview")),
    Case("another that searches", CHAT_COMPLETIONS, chat(model="perplexity/sonar-pro")),
    Case("preset", CHAT_COMPLETIONS, chat(model="@preset/mine")),
    Case("preset field", CHAT_COMPLETIONS, chat(preset="mine"), chat()),
    Case("kept", CHAT_COMPLETIONS, chat(store=True), chat()),
    Case("kept, oddly", CHAT_COMPLETIONS, chat(store="yes"), chat()),
    Case("picture by url", CHAT_COMPLETIONS, chat(messages=[said({"type": "image_url", "image_url": {"url": "https://x/a.png"}})])),
    Case("picture by url, short form", CHAT_COMPLETIONS, chat(messages=[said({"type": "image_url", "image_url": "https://x/a.png"})])),
    Case("picture by url in capitals", CHAT_COMPLETIONS, chat(messages=[said({"type": "image_url", "image_url": {"url": "HTTPS://x/a.png"}})])),
    Case("picture without url", CHAT_COMPLETIONS, chat(messages=[said({"type": "image_url", "image_url": {}})])),
    Case("file by id", CHAT_COMPLETIONS, chat(messages=[said({"type": "file", "file": {"file_id": "f"}})])),
    Case("file by url", CHAT_COMPLETIONS, chat(messages=[said({"type": "file", "file": {"file_data": "https://x/a.pdf"}})])),
    # OpenAI, responses
    Case("web search", RESPONSES, response(tools=[{"type": "web_search"}, FLAT], tool_choice={"type": "web_search"}), response(tools=[FLAT])),
    *(Case(name, RESPONSES, response(tools=[{"type": name, "server_url": "https://x"}]), response(tools=[])) for name in ("web_search_preview", "file_search", "code_interpreter", "computer_use_preview", "image_generation", "mcp", "shell", "tool_search")),
    Case("hosted shell", RESPONSES, response(tools=[{"type": "shell", "environment": {"type": "container_auto"}}]), response(tools=[])),
    Case("hidden in a namespace", RESPONSES, response(tools=[{"type": "namespace", "name": "n", "tools": [FLAT, {"type": "mcp", "server_url": "https://x"}]}]), response(tools=[])),
    Case("among the allowed", RESPONSES, response(tools=[{"type": "web_search"}], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "web_search"}]}), response(tools=[])),
    Case("hidden in an item", RESPONSES, response(input=[{"type": "additional_tools", "tools": [{"type": "web_search"}, FLAT]}]), response(input=[{"type": "additional_tools", "tools": [FLAT]}])),
    Case("hidden in the answer to a search for tools", RESPONSES, response(input=[{"type": "tool_search_output", "tools": [{"type": "mcp"}]}]), response(input=[{"type": "tool_search_output", "tools": []}])),
    Case("kept by default", RESPONSES, {"model": "gpt-x", "input": "x"}, {"model": "gpt-x", "input": "x", "store": False}),
    Case("kept", RESPONSES, response(store=True), response()),
    Case("background", RESPONSES, response(background=True), response()),
    Case("the response before", RESPONSES, response(previous_response_id="resp_1")),
    Case("conversation", RESPONSES, response(conversation="conv_1")),
    Case("stored prompt", RESPONSES, response(prompt={"id": "pmpt_1"})),
    Case("item by reference", RESPONSES, response(input=[{"type": "item_reference", "id": "x"}])),
    Case("consent to a remote tool", RESPONSES, response(input=[{"type": "mcp_approval_response", "approve": True, "approval_request_id": "x"}])),
    Case("picture by url", RESPONSES, response(input=[{"role": "user", "content": [{"type": "input_image", "image_url": "https://x"}]}])),
    Case("picture by id", RESPONSES, response(input=[{"role": "user", "content": [{"type": "input_image", "file_id": "f", "image_url": PNG}]}])),
    Case("file by url", RESPONSES, response(input=[{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}])),
    Case("picture by url in an output", RESPONSES, response(input=[{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "https://x"}]}])),
    Case("picture by url as an output", RESPONSES, response(input=[{"type": "custom_tool_call_output", "call_id": "c", "output": {"type": "input_image", "image_url": "https://x"}}])),
    Case("screenshot by id", RESPONSES, response(input=[{"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "file_id": "f"}}])),
    Case("item of tomorrow", RESPONSES, response(input=[{"type": "dream"}])),
    # Google
    *(Case(name, GENERATE_CONTENT, gemini(tools=[{name: {}}, {"functionDeclarations": []}]), gemini(tools=[{"functionDeclarations": []}])) for name in ("googleSearch", "google_search", "googleSearchRetrieval", "urlContext", "url_context", "codeExecution", "code_execution", "googleMaps", "computerUse", "fileSearch", "mcpServers", "toolOfTomorrow")),
    Case("beside functions", GENERATE_CONTENT, gemini(tools=[{"functionDeclarations": [], "googleSearch": {}, "urlContext": {}}]), gemini(tools=[{"functionDeclarations": []}])),
    Case("alone", GENERATE_CONTENT, gemini(tools=[{"googleSearch": {}, "urlContext": {}}]), gemini()),
    Case("in a request to be counted", GENERATE_CONTENT, {"generateContentRequest": gemini(tools=[{"googleSearch": {}}])}, {"generateContentRequest": gemini()}),
    Case("file by uri", GENERATE_CONTENT, gemini(contents=[{"parts": [{"fileData": {"fileUri": "https://x"}}]}])),
    Case("file by uri, in snakes", GENERATE_CONTENT, gemini(contents=[{"parts": [{"file_data": {"file_uri": "https://x"}}]}])),
    Case("file by uri in an answer", GENERATE_CONTENT, gemini(contents=[{"parts": [{"functionResponse": {"name": "f", "parts": [{"fileData": {}}]}}]}])),
    Case("file by uri in the instruction", GENERATE_CONTENT, gemini(system_instruction={"parts": [{"fileData": {}}]})),
    Case("one part, not in an array", GENERATE_CONTENT, gemini(contents=[{"parts": {"fileData": {}}}])),
    Case("cached content", GENERATE_CONTENT, gemini(cachedContent="cachedContents/x")),
    Case("cached content, in snakes", GENERATE_CONTENT, gemini(cached_content="cachedContents/x")),
    Case("field of tomorrow", GENERATE_CONTENT, gemini(agents=[]), gemini()),
]  # fmt: skip

NONSENSE = [
    Case("tools that are no array", MESSAGES, messages(tools={"0": {"type": "web_search_20250305"}})),
    Case("tool that is no object", MESSAGES, messages(tools=["web_search_20250305"])),
    Case("type that is no text", MESSAGES, messages(tools=[{"type": ["web_search_20250305"]}])),
    Case("type that is null", MESSAGES, messages(tools=[{"type": None, "name": "x"}])),
    Case("messages that are no array", MESSAGES, messages(messages={"role": "user"})),
    Case("content that is an object", MESSAGES, messages(messages=[{"role": "user", "content": TEXT}])),
    Case("content of texts", MESSAGES, messages(messages=[{"role": "user", "content": ["x"]}])),
    Case("picture without a source", MESSAGES, messages(messages=[said({"type": "image"})])),
    Case("model that is no text", MESSAGES, messages(model=["claude-x"])),
    Case("models that are no array", CHAT_COMPLETIONS, chat(models="a:online")),
    Case("stream options that are no object", CHAT_COMPLETIONS, chat(stream=True, stream_options=[])),
    Case("tools that are no array", CHAT_COMPLETIONS, chat(tools={"type": "web_search"})),
    Case("input that is an object", RESPONSES, response(input={"type": "message"})),
    Case("item that is no object", RESPONSES, response(input=["x"])),
    Case("tools that are no array", GENERATE_CONTENT, gemini(tools={"googleSearch": {}})),
    Case("both spellings", GENERATE_CONTENT, gemini(toolConfig={}, tool_config={})),
    Case("both spellings in a tool", GENERATE_CONTENT, gemini(tools=[{"functionDeclarations": [], "function_declarations": []}])),
    Case("contents that are an object", GENERATE_CONTENT, gemini(contents={"parts": []})),
    Case("parts of texts", GENERATE_CONTENT, gemini(contents=[{"parts": ["x"]}])),
]  # fmt: skip


def named(cases: list[Case]) -> list[Any]:
    return [pytest.param(case, id=f"{case.speaks.name}: {case.name}") for case in cases]


@pytest.mark.parametrize("case", named(HARMLESS))
def test_what_agents_send_passes_as_it_is(case: Case) -> None:
    assert settled(case.speaks, case.body, ServerTools.DENY) == (case.body, ())


@pytest.mark.parametrize("case", named(TRICKS))
def test_what_acts_out_of_sight_is_taken_out_or_refused(case: Case) -> None:
    if case.left is None:
        with pytest.raises(BodyRefused):
            settled(case.speaks, case.body, ServerTools.STRIP)
    else:
        left, changed = settled(case.speaks, case.body, ServerTools.STRIP)
        assert left == case.left
        assert changed
        assert settled(case.speaks, left, ServerTools.DENY) == (left, ())


@pytest.mark.parametrize("case", named(TRICKS))
def test_it_is_refused_where_the_settings_say_so(case: Case) -> None:
    with pytest.raises(BodyRefused, match="sight"):
        settled(case.speaks, case.body, ServerTools.DENY)


@pytest.mark.parametrize("case", named(TRICKS))
def test_it_is_sent_where_the_settings_say_so(case: Case) -> None:
    assert settled(case.speaks, case.body, ServerTools.ALLOW) == (case.body, ())


@pytest.mark.parametrize("case", named(NONSENSE))
@pytest.mark.parametrize("treatment", [ServerTools.STRIP, ServerTools.ALLOW])
def test_what_is_not_of_the_format_is_refused_in_any_case(case: Case, treatment: ServerTools) -> None:
    with pytest.raises(Malformed):
        settled(case.speaks, case.body, treatment)


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_obfuscation": False}])
def test_a_stream_is_asked_for_its_usage(options: Json | None) -> None:
    left, changed = settled(CHAT_COMPLETIONS, chat(stream=True, stream_options=options), ServerTools.DENY)
    assert left["stream_options"] == {**(options or {}), "include_usage": True}
    assert changed == ("asked for the usage",)


SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
WORDS = st.sampled_from(
    [
        "type",
        "tools",
        "content",
        "source",
        "url",
        "web_search_20250305",
        "custom",
        "function",
        "mcp",
        "image",
        "text",
        "model",
        "messages",
        "input",
        "contents",
        "parts",
        "fileData",
        "name",
        "image_url",
        "tool_result",
        "namespace",
    ]
)
ODD = st.recursive(
    SCALARS | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=15,
)


@given(
    st.sampled_from([MESSAGES, CHAT_COMPLETIONS, RESPONSES, GENERATE_CONTENT]), st.dictionaries(WORDS, ODD, max_size=4)
)
def test_anything_is_whole_afterwards_or_refused(speaks: WireFormat, body: Json) -> None:
    """What was stripped once holds nothing more to strip, and can be written."""
    try:
        left, _ = settled(speaks, copy.deepcopy(body), ServerTools.STRIP)
    except BodyRefused:
        return
    assert settled(speaks, left, ServerTools.DENY)[1] == ()
    assert parse(serialise(left)) == left
