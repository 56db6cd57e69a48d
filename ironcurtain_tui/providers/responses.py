"""OpenAI's Responses format (https://platform.openai.com/docs/api-reference/responses), as far as counting needs it."""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.usage import Count, Dollars


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


class ResponsesCounter:
    """Reads the last event of a stream, or the whole answer."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

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


RESPONSES = WireFormat("responses", ResponsesCounter)
