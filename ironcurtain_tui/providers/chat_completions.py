"""OpenAI's Chat Completions format, which half the world speaks, as far as counting and errors need it.

Source: https://platform.openai.com/docs/api-reference/chat. A stream tells its usage only when it is asked for.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.usage import Count, Dollars

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


class ChatCounter:
    """Reads the one chunk of a stream that has the usage, or the whole answer."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

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


CHAT_COMPLETIONS = WireFormat("chat-completions", ChatCounter)
