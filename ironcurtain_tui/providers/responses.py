"""OpenAI's Responses format: usage, and what a body may ask.

Source: https://platform.openai.com/docs/api-reference/responses. Unless told otherwise the API keeps every response;
it is told. Codex brings its tools as an item of the input, so those are looked through as well.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import Findings, Object, is_inline, kind, objects, shown
from ironcurtain_tui.providers.tools import check_model, check_tools
from ironcurtain_tui.providers.usage import Count, Counter, Dollars


class _Input(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _Counts(msgspec.Struct):
    input_tokens: Count | None = None
    """With those that were cached."""
    output_tokens: Count | None = None
    input_tokens_details: _Input | None = None
    cost: Dollars | None = None
    """OpenRouter's own."""


class _Response(msgspec.Struct):
    model: str = ""
    usage: _Counts | None = None


class _Document(msgspec.Struct):
    """``response.completed`` (or ``.incomplete``, ``.failed``) has the response; a whole answer is it itself."""

    response: _Response | None = None
    model: str = ""
    usage: _Counts | None = None


_decoder = msgspec.json.Decoder(_Document)


class ResponsesCounter(Counter):
    """Reads the last event of a stream, or the whole answer."""

    counts_last = True

    def see(self, document: bytes) -> None:
        told = _decoder.decode(document)
        model, counts = (
            (told.response.model, told.response.usage) if told.response is not None else (told.model, told.usage)
        )
        if counts is None:
            return
        details = counts.input_tokens_details or _Input()
        read, written = details.cached_tokens or 0, details.cache_write_tokens or 0
        self.usage = Usage(
            model=model,
            input_tokens=max(0, (counts.input_tokens or 0) - read - written),
            output_tokens=counts.output_tokens or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )
        self.cost_usd = counts.cost


_FIELDS = frozenset(
    {
        "background",
        "client_metadata",
        "context_management",
        "include",
        "input",
        "instructions",
        "max_output_tokens",
        "max_tool_calls",
        "metadata",
        "model",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_retention",
        "reasoning",
        "safety_identifier",
        "service_tier",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "text",
        "tool_choice",
        "tools",
        "top_logprobs",
        "top_p",
        "truncation",
        "user",
        # OpenRouter's
        "models",
        "provider",
        "session_id",
    }
)
_REFERENCES = ("previous_response_id", "conversation", "prompt")
"""Fields that stand for something the provider keeps; without it the request would be another."""
_CLIENT_TOOLS = frozenset({"function", "custom", "local_shell", "apply_patch"})
_ITEMS = frozenset(
    {
        "apply_patch_call",
        "compaction",
        "compaction_summary",
        "context_compaction",
        "custom_tool_call",
        "function_call",
        "local_shell_call",
        "reasoning",
        "shell_call",
        "tool_search_call",
        # what the provider's own tools did in earlier turns
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
        "web_search_call",
    }
)
"""Items that say something and make nobody look anything up."""
_OUTPUTS = frozenset(
    {
        "apply_patch_call_output",
        "custom_tool_call_output",
        "function_call_output",
        "local_shell_call_output",
        "shell_call_output",
    }
)
_PARTS = frozenset(
    {
        "encrypted_content",
        "input_audio",
        "input_text",
        "output_text",
        "reasoning_text",
        "refusal",
        "summary_text",
        "text",
    }
)


def look_through(document: Object, findings: Findings) -> None:
    """Find what would act out of sight, or be kept: see ``WireFormat.look_through``."""
    for name in _REFERENCES:
        if document.get(name) is not None:
            findings.add(name)
    findings.fields(document, _FIELDS.union(_REFERENCES))
    check_model(document, findings)
    check_tools(document, findings, _is_client_tool)
    if not isinstance(document.get("input"), str):
        for item in objects(document.get("input"), "input"):
            _item(item, findings)
    if document.get("background") not in (None, False):
        findings.add("background", lambda: document.pop("background"))
    if document.get("store") is not False:
        findings.add("store", lambda: document.update(store=False))


def _is_client_tool(tool: Object) -> bool:
    match kind(tool, "tools"):
        case "namespace":
            return all(_is_client_tool(each) for each in objects(tool.get("tools"), "tools"))
        case "shell":
            place = tool.get("environment")
            return isinstance(place, dict) and place.get("type") == "local"
        case "tool_search":
            return tool.get("execution") == "client"
        case name:
            return name in _CLIENT_TOOLS


def _item(item: Object, findings: Findings) -> None:
    match kind(item, "input", "message"):
        case "message":
            _content(item.get("content"), findings)
        case "additional_tools" | "tool_search_output":
            check_tools(item, findings, _is_client_tool)
        case "computer_call_output":
            _content([item.get("output")], findings)
        case name if name in _OUTPUTS:
            output = item.get("output")
            if name != "shell_call_output":
                _content([output] if isinstance(output, dict) else output, findings)
        case name if name in _ITEMS:
            pass
        case other:
            findings.add(f"input of the type {shown(other)}")


def _content(content: object, findings: Findings) -> None:
    if content is None or isinstance(content, str):
        return
    for part in objects(content, "content"):
        match kind(part, "content"):
            case "input_image" | "computer_screenshot":
                if part.get("file_id") is not None or not is_inline(part.get("image_url")):
                    findings.add("image by url")
            case "input_file":
                if part.get("file_id") is not None or part.get("file_url") is not None:
                    findings.add("file by url")
            case known if known in _PARTS:
                pass
            case other:
                findings.add(f"content of the type {shown(other)}")


RESPONSES = WireFormat("responses", ResponsesCounter, look_through=look_through)
