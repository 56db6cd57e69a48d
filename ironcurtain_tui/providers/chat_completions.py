"""OpenAI's Chat Completions format, which half the world speaks: errors, usage, and what a body may ask.

Source: https://platform.openai.com/docs/api-reference/chat. A stream tells its usage only when it is asked for, so it
is asked for. Fields of OpenRouter and of the common servers of open models that only steer the model are known too.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import Findings, Malformed, Object, is_inline, kind, objects, shown
from ironcurtain_tui.providers.tools import check_model, check_tools
from ironcurtain_tui.providers.usage import Count, Counter, Dollars

_CODES = {401: "invalid_api_key", 403: "permission_denied", 404: "not_found", 429: "rate_limit_exceeded"}


def error_body(status: int, message: str) -> bytes:
    """An error as the API sends it (https://platform.openai.com/docs/guides/error-codes)."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    error = {"message": message, "type": kind, "param": None, "code": _CODES.get(status)}
    return msgspec.json.encode({"error": error})


class _Prompt(msgspec.Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _Counts(msgspec.Struct):
    prompt_tokens: Count | None = None
    """With those that were cached."""
    completion_tokens: Count | None = None
    prompt_tokens_details: _Prompt | None = None
    cost: Dollars | None = None
    """OpenRouter's own."""


class _Document(msgspec.Struct):
    model: str = ""
    usage: _Counts | None = None


_decoder = msgspec.json.Decoder(_Document)


class ChatCounter(Counter):
    """Reads the one chunk of a stream that has the usage, or the whole answer."""

    def see(self, document: bytes) -> None:
        told = _decoder.decode(document)
        if told.usage is None:
            return
        details = told.usage.prompt_tokens_details or _Prompt()
        read, written = details.cached_tokens or 0, details.cache_write_tokens or 0
        self.usage = Usage(
            model=told.model or (self.usage or Usage()).model,
            input_tokens=max(0, (told.usage.prompt_tokens or 0) - read - written),
            output_tokens=told.usage.completion_tokens or 0,
            cache_read_tokens=read,
            cache_write_tokens=written,
        )
        self.cost_usd = told.usage.cost


_FIELDS = frozenset(
    {
        "audio",
        "cache_control",
        "chat_template_kwargs",
        "enable_thinking",
        "frequency_penalty",
        "function_call",
        "functions",
        "include_reasoning",
        "logit_bias",
        "logprobs",
        "max_completion_tokens",
        "max_tokens",
        "messages",
        "metadata",
        "min_p",
        "modalities",
        "model",
        "models",
        "n",
        "parallel_tool_calls",
        "prediction",
        "presence_penalty",
        "prompt_cache_key",
        "prompt_cache_retention",
        "provider",
        "reasoning",
        "reasoning_effort",
        "repetition_penalty",
        "response_format",
        "route",
        "safety_identifier",
        "seed",
        "service_tier",
        "session_id",
        "stop",
        "store",
        "stream",
        "stream_options",
        "temperature",
        "thinking",
        "thinking_budget",
        "tool_choice",
        "tools",
        "top_a",
        "top_k",
        "top_logprobs",
        "top_p",
        "usage",
        "user",
        "verbosity",
        "vl_high_resolution_images",
    }
)
_CLIENT_TOOLS = frozenset({"function", "custom"})
_PARTS = frozenset({"text", "refusal", "input_audio", "thinking", "reasoning"})


def look_through(document: Object, findings: Findings) -> None:
    """Find what would act out of sight, and ask for the usage: see ``WireFormat.look_through``."""
    findings.fields(document, _FIELDS)
    check_model(document, findings)
    check_tools(document, findings, lambda tool: kind(tool, "tools") in _CLIENT_TOOLS)
    for message in objects(document.get("messages"), "messages"):
        _content(message.get("content"), findings)
    if document.get("store") not in (None, False):
        findings.add("store", lambda: document.pop("store"))
    _ask_for_usage(document, findings)


def _content(content: object, findings: Findings) -> None:
    if content is None or isinstance(content, str):
        return
    for part in objects(content, "content"):
        name = kind(part, "content")
        match name:
            case "image_url" | "video_url":
                inside = part.get(name)
                if not is_inline(inside.get("url") if isinstance(inside, dict) else inside):
                    findings.add("image or video by url")
            case "file":
                inside = part.get("file")
                if not isinstance(inside, dict) or set(inside) - {"file_data", "filename"}:
                    findings.add("file by reference")
                elif not is_inline(inside.get("file_data")):
                    findings.add("file by url")
            case known if known in _PARTS:
                pass
            case other:
                findings.add(f"content of the type {shown(other)}")


def _ask_for_usage(document: Object, findings: Findings) -> None:
    if document.get("stream") is not True:
        return
    options = document.get("stream_options")
    if options is None:
        options = document["stream_options"] = {}
    if not isinstance(options, dict):
        raise Malformed("stream_options is not an object")
    if options.get("include_usage") is not True:
        options["include_usage"] = True
        findings.amendments.append("asked for the usage")


CHAT_COMPLETIONS = WireFormat("chat-completions", ChatCounter, look_through=look_through)
