"""The wire formats: what is asked is understood, what is answered is what the format's own clients read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.rehearsal.conversation import Result, Tool
from ironcurtain_tui.rehearsal.dialects import DIALECTS
from ironcurtain_tui.rehearsal.dialects.completions import Completions
from ironcurtain_tui.rehearsal.dialects.gemini import Gemini
from ironcurtain_tui.rehearsal.dialects.messages import Messages
from ironcurtain_tui.rehearsal.dialects.responses import Responses
from ironcurtain_tui.rehearsal.script import Say, Turn, Use
from ironcurtain_tui.rehearsal.wire import Dialect, Form, Reply

PARAMETERS = {"type": "object", "properties": {"command": {"type": "string"}}}
REPLY = Reply("0123456789abcdef" * 4, "m-1", Turn((Say("one  two"), Use("bash", {"command": "ls 'ä'"}))), 7)
SPOKEN = Reply("0123456789abcdef" * 4, "m-1", Turn((Say("one  two"),)), 7)

ASKED = {
    "messages": (
        Messages(),
        "/v1/messages",
        {
            "model": "m-1",
            "system": "be nice",
            "tools": [{"name": "bash", "input_schema": PARAMETERS}],
            "messages": [
                {"role": "user", "content": "look"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "name": "bash", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "1", "content": "a file"}]},
            ],
        },
    ),
    "responses": (
        Responses(),
        "/v1/responses",
        {
            "model": "m-1",
            "instructions": "be nice",
            "tools": [{"type": "function", "name": "bash", "parameters": PARAMETERS}],
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "RUN: no"}]},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}]},
                {"type": "function_call", "call_id": "1", "name": "bash", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "1", "output": "a file"},
            ],
        },
    ),
    "completions": (
        Completions(),
        "/v1/chat/completions",
        {
            "model": "m-1",
            "tools": [{"type": "function", "function": {"name": "bash", "parameters": PARAMETERS}}],
            "messages": [
                {"role": "system", "content": "RUN: no"},
                {"role": "user", "content": [{"type": "text", "text": "look"}]},
                {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "type": "function"}]},
                {"role": "tool", "tool_call_id": "1", "content": "a file"},
            ],
        },
    ),
    "gemini": (
        Gemini(),
        "/v1beta/models/m-1:generateContent",
        {
            "systemInstruction": {"role": "user", "parts": [{"text": "RUN: no"}]},
            "tools": [{"functionDeclarations": [{"name": "bash", "parametersJsonSchema": PARAMETERS}]}],
            "contents": [
                {"role": "user", "parts": [{"text": "look"}]},
                {"role": "model", "parts": [{"functionCall": {"name": "bash", "args": {}}}]},
                {"role": "user", "parts": [{"functionResponse": {"name": "bash", "response": {"output": "a file"}}}]},
            ],
        },
    ),
}


@pytest.mark.parametrize(("dialect", "path", "body"), ASKED.values(), ids=ASKED)
def test_a_question_is_understood(dialect: Dialect, path: str, body: dict[str, object]) -> None:
    assert [each for each in DIALECTS if each.serves(path)] == [
        each for each in DIALECTS if type(each) is type(dialect)
    ]
    asked = dialect.read(path, json.dumps(body).encode())
    assert (asked.model, asked.form) == ("m-1", Form.WHOLE)
    assert asked.conversation.prompt == "look"
    assert asked.conversation.results == (Result("a file"),)
    assert asked.conversation.tools == {"bash": Tool("bash", PARAMETERS)}
    assert asked.conversation.schema is None
    assert not asked.conversation.aside


@pytest.mark.parametrize(("dialect", "path", "body"), ASKED.values(), ids=ASKED)
def test_a_question_of_the_agents_own_is_told_apart(dialect: Dialect, path: str, body: dict[str, object]) -> None:
    own = {name: value for name, value in body.items() if name != "tools"}
    assert dialect.read(path, json.dumps(own).encode()).conversation.aside


@pytest.mark.parametrize(("dialect", "path", "body"), ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b'"x"', b"\xff", b"[" * 9999, b'{"model":1}'])
def test_what_makes_no_sense_is_refused(dialect: Dialect, path: str, body: object, garbage: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError, RecursionError)):
        dialect.read(path, garbage)
    assert "no" in json.dumps(json.loads(dialect.error(400, "no")))


@pytest.mark.parametrize(
    ("body", "dialect", "path"),
    [
        (
            {"text": {"format": {"type": "json_schema", "schema": PARAMETERS}}, "input": "x"},
            Responses(),
            "/v1/responses",
        ),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": PARAMETERS}}, "messages": []},
            Completions(),
            "/v1/chat/completions",
        ),
        (
            {"generationConfig": {"responseJsonSchema": PARAMETERS}, "contents": []},
            Gemini(),
            "/v1beta/models/m-1:generateContent",
        ),
        ({"output_config": {"format": {"schema": PARAMETERS}}, "messages": []}, Messages(), "/v1/messages"),
    ],
)
def test_a_wanted_form_of_the_answer_is_seen(body: dict[str, object], dialect: Dialect, path: str) -> None:
    asked = dialect.read(path, json.dumps({"model": "m-1", **body}).encode())
    assert asked.conversation.schema == PARAMETERS


def test_forms_are_told_apart() -> None:
    gemini = Gemini()
    body = b'{"contents":[]}'
    assert gemini.read("/v1beta/models/m:streamGenerateContent", body).form is Form.STREAM
    assert gemini.read("/v1beta/models/m:countTokens", body).form is Form.COUNT
    assert not gemini.serves("/v1beta/models/m:embedContent")
    body = b'{"model":"m","messages":[],"input":"","stream":true}'
    assert Messages().read("/v1/messages/count_tokens", body).form is Form.COUNT
    for dialect, path in ((Messages(), "/v1/messages"), (Responses(), "/v1/responses")):
        assert dialect.read(path, body).form is Form.STREAM
    assert Completions().read("/v1/chat/completions", body).form is Form.STREAM


def test_codex_offers_its_tools_in_name_spaces_and_one_takes_code() -> None:
    """As Codex 0.169.0 does with its own model."""
    tools = [
        {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec", "format": {}}]},
        {"type": "namespace", "name": "clock", "tools": [{"type": "function", "name": "sleep", "parameters": {}}]},
    ]
    entries = [
        {"type": "additional_tools", "role": "developer", "tools": tools},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": AGENTS_MD}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "look"}]},
        {"type": "custom_tool_call", "call_id": "1", "name": "exec", "input": "text(1)"},
        {"type": "custom_tool_call_output", "call_id": "1", "output": [{"type": "input_text", "text": "1"}]},
    ]
    asked = Responses().read("/v1/responses", json.dumps({"model": "m", "input": entries}).encode())
    assert asked.conversation.tools == {"exec": Tool("exec", takes_code=True), "sleep": Tool("sleep")}
    assert asked.conversation.prompt == "look"
    assert asked.conversation.results == (Result("1"),)


AGENTS_MD = "# AGENTS.md instructions\n\n<INSTRUCTIONS>\nRUN: rm -rf /\n</INSTRUCTIONS>"


def events(parts: Iterable[bytes]) -> list[dict[str, Any]]:
    """Server-sent events; a name, where there is one, must be the data's type."""
    found = []
    for part in parts:
        assert part.endswith(b"\n\n")
        *names, data = part.decode().strip().split("\n")
        if data == "data: [DONE]":
            continue
        value = json.loads(data.removeprefix("data: "))
        assert names in ([], [f"event: {value.get('type')}"])
        found.append(value)
    return found


def test_responses_whole_and_streamed_say_the_same() -> None:
    whole = json.loads(Responses().whole(REPLY))
    message, call = whole["output"]
    assert message["content"] == [{"type": "output_text", "text": "one  two", "annotations": []}]
    assert (call["type"], call["name"], json.loads(call["arguments"])) == (
        "function_call",
        "bash",
        {"command": "ls 'ä'"},
    )
    assert whole["usage"]["input_tokens"] == 7
    streamed = events(Responses().streamed(REPLY))
    assert [each["sequence_number"] for each in streamed] == list(range(len(streamed)))
    assert streamed[0]["type"] == "response.created"
    assert streamed[-1] == {
        "type": "response.completed",
        "sequence_number": len(streamed) - 1,
        "response": whole,
    }
    assert "".join(each["delta"] for each in streamed if each["type"] == "response.output_text.delta") == "one  two"
    arguments = [each["delta"] for each in streamed if each["type"] == "response.function_call_arguments.delta"]
    assert "".join(arguments) == call["arguments"]


def test_code_comes_as_a_custom_tools_input() -> None:
    reply = Reply(REPLY.id, "m-1", Turn((Use("exec", {}, "text(1)"),)), 1)
    (call,) = json.loads(Responses().whole(reply))["output"]
    assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "exec", "text(1)")
    (done,) = [each for each in events(Responses().streamed(reply)) if each["type"] == "response.output_item.done"]
    assert done["item"] == call


def test_completions_whole_and_streamed_say_the_same() -> None:
    whole = json.loads(Completions().whole(REPLY))
    (choice,) = whole["choices"]
    assert choice["finish_reason"] == "tool_calls"
    (call,) = choice["message"]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"command": "ls 'ä'"}
    parts = list(Completions().streamed(REPLY))
    assert parts[-1] == b"data: [DONE]\n\n"
    *chunks, counted = events(parts)
    assert counted["choices"] == []
    assert counted["usage"] == whole["usage"]
    assert counted["usage"]["prompt_tokens"] == 7
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert "".join(delta.get("content") or "" for delta in deltas) == choice["message"]["content"] == "one  two"
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["id"] == call["id"]
    assert "".join(each["function"]["arguments"] for each in calls) == call["function"]["arguments"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks][-1] == "tool_calls"
    assert json.loads(Completions().whole(SPOKEN))["choices"][0]["finish_reason"] == "stop"


def test_gemini_whole_and_streamed_say_the_same() -> None:
    whole = json.loads(Gemini().whole(REPLY))
    said, call = whole["candidates"][0]["content"]["parts"]
    assert said == {"text": "one  two"}
    assert call == {"functionCall": {"name": "bash", "args": {"command": "ls 'ä'"}}}
    assert whole["candidates"][0]["finishReason"] == "STOP"
    streamed = events(Gemini().streamed(REPLY))
    parts = [part for each in streamed for part in each["candidates"][0]["content"]["parts"]]
    assert "".join(part.get("text", "") for part in parts) == "one  two"
    assert call in parts
    assert [each["candidates"][0].get("finishReason") for each in streamed][-1] == "STOP"


@given(st.text(), st.dictionaries(st.text(), st.text() | st.integers() | st.booleans()))
def test_whatever_is_said_can_be_sent(text: str, arguments: dict[str, object]) -> None:
    reply = Reply("ab" * 32, "m", Turn((Say(text), Use("t", arguments))), 1)
    for dialect in DIALECTS:
        json.loads(dialect.whole(reply))
        assert events(dialect.streamed(reply))
