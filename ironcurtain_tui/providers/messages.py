"""Anthropic's Messages format (https://docs.anthropic.com/en/api/messages), as far as counting and errors need it."""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.usage import Count, Dollars

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


class MessagesCounter:
    """Adds up what one response tells. Later totals replace earlier ones: they are cumulative."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

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


MESSAGES = WireFormat("messages", MessagesCounter)
COUNT_TOKENS = WireFormat("messages")
"""Asks what a message would count; nothing is used."""
