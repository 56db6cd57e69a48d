"""Anthropic's Messages API.

Endpoints, headers and the behaviour on errors are those of Claude Code 2.1.330, seen on the wire: only
``POST /v1/messages`` is essential. The two settings endpoints get a 404, which it takes silently (a 403
draws a warning, an empty 200 costs five seconds of retries). Telemetry is not listed, so it is refused:
answering it with an invented success breaks clients. An error in the API's own form with
``x-should-retry: false`` is shown to the user at once; any other form is retried for minutes.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.base import CredentialPlace, Provider, ProviderHost, UsageTap
from ironcurtain_tui.providers.sse import DataLines

_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
}

_MAX_JSON = 8 << 20
"""Bytes of an unstreamed response that are kept for counting; a larger one stays uncounted."""


def error_body(status: int, message: str) -> bytes:
    """An error as the API sends it (https://docs.anthropic.com/en/api/errors)."""
    kind = _ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}})


class _Counts(msgspec.Struct):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Message(msgspec.Struct):
    model: str = ""
    usage: _Counts | None = None


class _StreamEvent(msgspec.Struct):
    """``message_start`` has the message, ``message_delta`` running totals of its own."""

    type: str = ""
    message: _Message | None = None
    usage: _Counts | None = None


class _Tally:
    """Adds up what one response tells. Later totals replace earlier ones: they are cumulative."""

    def __init__(self) -> None:
        self.usage: Usage | None = None

    def add(self, counts: _Counts | None, model: str = "") -> None:
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


def _latest(new: int | None, old: int) -> int:
    return old if new is None else new


class StreamedUsage:
    """Counts a streamed response, one server-sent event at a time."""

    def __init__(self) -> None:
        self._lines = DataLines(b'"usage"')
        self._tally = _Tally()
        self._decoder = msgspec.json.Decoder(_StreamEvent)

    @property
    def usage(self) -> Usage | None:
        return self._tally.usage

    def feed(self, data: bytes) -> None:
        for payload in self._lines.feed(data):
            try:
                event = self._decoder.decode(payload)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # not ours to judge: the agent gets it as it is
            if event.type == "message_start" and event.message is not None:
                self._tally.add(event.message.usage, event.message.model)
            elif event.type == "message_delta":
                self._tally.add(event.usage)

    def end(self) -> None:
        """Nothing is left over: an unfinished line is no event."""


class PlainUsage:
    """Counts a response that comes as one JSON document."""

    def __init__(self) -> None:
        self._body = bytearray()
        self._too_large = False
        self._tally = _Tally()

    @property
    def usage(self) -> Usage | None:
        return self._tally.usage

    def feed(self, data: bytes) -> None:
        if self._too_large or len(self._body) + len(data) > _MAX_JSON:
            self._too_large = True
            self._body.clear()
        else:
            self._body += data

    def end(self) -> None:
        try:
            message = msgspec.json.decode(bytes(self._body), type=_Message)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        finally:
            self._body.clear()
        self._tally.add(message.usage, message.model)


def usage_tap(content_type: str) -> UsageTap | None:
    """The tap for a response of this content type."""
    match content_type.partition(";")[0].strip().lower():
        case "text/event-stream":
            return StreamedUsage()
        case "application/json":
            return PlainUsage()
        case _:
            return None


ANTHROPIC = Provider(
    name="anthropic",
    title="Anthropic",
    hosts=(
        ProviderHost(
            name="api.anthropic.com",
            credential=CredentialPlace(header="x-api-key"),
            endpoints=(
                Endpoint(method="POST", path="/v1/messages", query=("beta",), counts_usage=True),
                Endpoint(method="POST", path="/v1/messages/count_tokens", query=("beta",)),
                Endpoint(method="GET", path="/api/claude_code/settings", answer=404),
                Endpoint(method="GET", path="/api/claude_code/policy_limits", answer=404),
            ),
        ),
    ),
    key_prefix="sk-ant-api03-ironcurtain-",
    key_variable="ANTHROPIC_API_KEY",
    error_body=error_body,
    usage_tap=usage_tap,
)
