"""The last bytes the agent wrote, kept to feed a new emulator when one has crashed."""

from __future__ import annotations

LIMIT = 1 << 20


class ByteRing:
    """The tail of a byte stream: at least its last ``limit`` bytes, at most twice as many."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._data = bytearray()
        self.complete = True
        """Whether nothing has been dropped: the tail is the whole stream."""

    def append(self, data: bytes) -> None:
        """Add to the end; the oldest bytes go."""
        self._data += data
        if len(self._data) > 2 * self._limit:
            del self._data[: -self._limit]
            self.complete = False

    def tail(self) -> bytes:
        """The last bytes, from a place where no sequence or character is cut in half: the start, or a line's."""
        if self.complete:
            return bytes(self._data)
        starts = [place for place in (self._data.find(b"\n") + 1, self._data.find(b"\x1b")) if place > 0]
        return bytes(self._data[min(starts, default=len(self._data)) :])
