"""Google's Gemini format (https://ai.google.dev/api/generate-content), as far as counting and errors need it."""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.usage import Count

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(status: int, message: str) -> bytes:
    """An error as Google's APIs send it (https://google.aip.dev/193)."""
    name = _STATUS.get(status, "INTERNAL" if status >= 500 else "FAILED_PRECONDITION")
    return msgspec.json.encode({"error": {"code": status, "message": message, "status": name}})


class _Counts(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None
    """With those that were cached."""
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    model_version: str = ""
    usage_metadata: _Counts | None = None


_decoder = msgspec.json.Decoder(_Chunk | list[_Chunk])


class GeminiCounter:
    """Reads the chunks of a response. A stream comes as events or as one array; each count replaces the last."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

    def see(self, document: bytes) -> None:
        told = _decoder.decode(document)
        for chunk in told if isinstance(told, list) else [told]:
            self._add(chunk)

    def _add(self, chunk: _Chunk) -> None:
        counts = chunk.usage_metadata
        if counts is None:
            return
        read = counts.cached_content_token_count or 0
        self.usage = Usage(
            model=chunk.model_version or (self.usage or Usage()).model,
            input_tokens=max(0, (counts.prompt_token_count or 0) - read) + (counts.tool_use_prompt_token_count or 0),
            output_tokens=(counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0),
            cache_read_tokens=read,
        )


GENERATE_CONTENT = WireFormat("generate-content", GeminiCounter, b'"usageMetadata"')
COUNT_TOKENS = WireFormat("generate-content")
"""Asks what a request would count; nothing is used."""
