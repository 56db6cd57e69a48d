"""Anthropic's Messages format (https://docs.anthropic.com/en/api/messages): errors, usage, and what a body may ask.

Of tools with a type, those that the client runs are let through: bash, text editor, computer, memory; and the search
among the request's own tools. All others are the provider's, and act out of sight.
"""

from __future__ import annotations

import re

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import Findings, Malformed, Object, kind, objects, shown
from ironcurtain_tui.providers.tools import check_model, check_tools
from ironcurtain_tui.providers.usage import Count, Counter, Dollars

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}


def error_body(status: int, message: str) -> bytes:
    """An error as the API sends it (https://docs.anthropic.com/en/api/errors)."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


class _Counts(msgspec.Struct):
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None
    cost: Dollars | None = None
    """OpenRouter's own."""


class _Message(msgspec.Struct):
    model: str = ""
    usage: _Counts | None = None


class _Document(msgspec.Struct):
    """``message_start`` has the message, ``message_delta`` running totals; a whole answer is the message itself."""

    type: str = ""
    message: _Message | None = None
    model: str = ""
    usage: _Counts | None = None


_decoder = msgspec.json.Decoder(_Document)


class MessagesCounter(Counter):
    """Adds up what one response tells. Later totals replace earlier ones: they are cumulative."""

    def see(self, document: bytes) -> None:
        told = _decoder.decode(document)
        if told.type == "message_start" and told.message is not None:
            self._add(told.message.usage, told.message.model)
        elif told.type in ("message_delta", "message"):
            self._add(told.usage, told.model)

    def _add(self, counts: _Counts | None, model: str) -> None:
        if counts is None:
            return
        known = self.usage or Usage()
        self.usage = Usage(
            model=model or known.model,
            input_tokens=_latest(counts.input_tokens, known.input_tokens),
            output_tokens=_latest(counts.output_tokens, known.output_tokens),
            cache_read_tokens=_latest(counts.cache_read_input_tokens, known.cache_read_tokens),
            cache_write_tokens=_latest(counts.cache_creation_input_tokens, known.cache_write_tokens),
        )
        if counts.cost is not None:
            self.cost_usd = counts.cost


def _latest(new: int | None, old: int) -> int:
    return old if new is None else new


_FIELDS = frozenset(
    {
        "anthropic_beta",
        "anthropic_version",
        "cache_control",
        "context_management",
        "diagnostics",
        "inference_geo",
        "max_tokens",
        "messages",
        "metadata",
        "model",
        "output_config",
        "output_format",
        "service_tier",
        "speed",
        "stop_sequences",
        "stream",
        "system",
        "temperature",
        "thinking",
        "tool_choice",
        "tools",
        "top_k",
        "top_p",
        # OpenRouter's
        "models",
        "provider",
        "reasoning",
        "session_id",
        "user",
    }
)
_CLIENT_TOOL = re.compile(r"custom|(bash|text_editor|computer|memory|tool_search_tool_(regex|bm25))_[0-9]{8}")
_BLOCKS = frozenset(
    {
        "compaction",
        "redacted_thinking",
        "search_result",
        "text",
        "thinking",
        "tool_addition",
        "tool_reference",
        "tool_removal",
        "tool_use",
        # what the provider's own tools did in earlier turns
        "bash_code_execution_tool_result",
        "code_execution_tool_result",
        "mcp_tool_result",
        "mcp_tool_use",
        "server_tool_use",
        "text_editor_code_execution_tool_result",
        "tool_search_tool_result",
        "web_fetch_tool_result",
        "web_search_tool_result",
    }
)
"""Content that says something and makes nobody look anything up."""
_INLINE = frozenset({"base64", "text", "content"})
"""Kinds of sources that hold what they are the source of."""


def look_through(document: Object, findings: Findings) -> None:
    """Find what would act out of sight: see ``WireFormat.look_through``."""
    findings.fields(document, _FIELDS)
    check_model(document, findings)
    check_tools(document, findings, lambda tool: _CLIENT_TOOL.fullmatch(kind(tool, "tools", "custom")) is not None)
    _content(document.get("system"), findings)
    for message in objects(document.get("messages"), "messages"):
        _content(message.get("content"), findings)


def _content(content: object, findings: Findings) -> None:
    if content is None or isinstance(content, str):
        return
    for block in objects(content, "content"):
        match kind(block, "content"):
            case "image" | "document":
                _source(block, findings)
            case "tool_result":
                _content(block.get("content"), findings)
            case known if known in _BLOCKS:
                pass
            case other:
                findings.add(f"content of the type {shown(other)}")


def _source(block: Object, findings: Findings) -> None:
    source = block.get("source")
    if not isinstance(source, dict):
        raise Malformed("an image or document has no source")
    if kind(source, "sources") not in _INLINE or set(source) & {"url", "file_id"}:
        findings.add(f"{kind(block, 'content')} by {shown(kind(source, 'sources'))}")
    _content(source.get("content"), findings)


MESSAGES = WireFormat("messages", MessagesCounter, look_through=look_through)
COUNT_TOKENS = WireFormat("messages", look_through=look_through)
"""Asks what a message would count; nothing is used."""
