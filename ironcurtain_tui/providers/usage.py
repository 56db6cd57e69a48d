"""Counting the tokens of a response as it passes by: what the wire formats share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, Protocol

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.sse import DataLines

MAX_DOCUMENT = 8 << 20
"""Bytes of an unstreamed response that are kept for counting; a larger one stays uncounted."""

Count = Annotated[int, msgspec.Meta(ge=0)]
"""So many tokens. A server that tells a negative number is not believed."""
Dollars = Annotated[float, msgspec.Meta(ge=0)]


class UsageTap(Protocol):
    """Reads a response as it passes by, without holding it up, and counts."""

    @property
    def usage(self) -> Usage | None:
        """What has been counted so far; None when nothing was told yet."""

    @property
    def cost_usd(self) -> float | None:
        """What the provider itself says the call cost; None when it does not."""

    @property
    def complete(self) -> bool:
        """Whether the last thing the response had to tell has passed: who leaves now misses nothing."""

    def feed(self, data: bytes) -> None:
        """See the next bytes of the body, cut anywhere."""

    def end(self) -> None:
        """The body is over."""


class Counter(ABC):
    """Reads the documents of one response, in one provider's words."""

    counts_last = False
    """Whether a stream tells its usage once, in its last event."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.cost_usd: float | None = None

    @abstractmethod
    def see(self, document: bytes) -> None:
        """One JSON document of the response: an event's data, or the whole body.

        msgspec.DecodeError or UnicodeDecodeError when it is not what was expected.
        """


class _Tap:
    """Tells what its counter has."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter

    @property
    def usage(self) -> Usage | None:
        return self._counter.usage

    @property
    def cost_usd(self) -> float | None:
        return self._counter.cost_usd


class StreamTap(_Tap):
    """Counts a streamed response, one server-sent event at a time."""

    def __init__(self, counter: Counter, word: bytes) -> None:
        super().__init__(counter)
        self._lines = DataLines(word)

    @property
    def complete(self) -> bool:
        return self._counter.counts_last and self._counter.usage is not None

    def feed(self, data: bytes) -> None:
        for payload in self._lines.feed(data):
            _see(self._counter, payload)

    def end(self) -> None:
        """Nothing is left over: an unfinished line is no event."""


class DocumentTap(_Tap):
    """Counts a response that comes as one JSON document."""

    def __init__(self, counter: Counter) -> None:
        super().__init__(counter)
        self._body = bytearray()
        self._too_large = False

    @property
    def complete(self) -> bool:
        return False  # it counts at the end

    def feed(self, data: bytes) -> None:
        if self._too_large or len(self._body) + len(data) > MAX_DOCUMENT:
            self._too_large = True
            self._body.clear()
        else:
            self._body += data

    def end(self) -> None:
        if self._body:
            _see(self._counter, bytes(self._body))
        self._body.clear()


def tap(counter: Callable[[], Counter], word: bytes, content_type: str) -> UsageTap | None:
    """A tap for a response of this content type; None when it holds no count.

    ``word`` stands in every event that tells of usage, and in few others.
    """
    match content_type.partition(";")[0].strip().lower():
        case "text/event-stream":
            return StreamTap(counter(), word)
        case "application/json":
            return DocumentTap(counter())
        case _:
            return None


def _see(counter: Counter, document: bytes) -> None:
    try:
        counter.see(document)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # not ours to judge: the agent gets it as it is
