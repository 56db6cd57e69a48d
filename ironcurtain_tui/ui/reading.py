"""Which lines of a page have been on the screen."""

from __future__ import annotations


class Reading:
    """The lines of one page, from 0, and whether each was shown."""

    def __init__(self, lines: int) -> None:
        self._shown = bytearray(lines)
        self._left = lines

    @property
    def complete(self) -> bool:
        """Whether all lines have been on the screen."""
        return self._left == 0

    @property
    def shown(self) -> int:
        """How many lines have been."""
        return len(self._shown) - self._left

    @property
    def next(self) -> int:
        """The first line that has not been; the number of lines when all have."""
        return self._shown.find(0) if self._left else len(self._shown)

    def see(self, first: int, count: int) -> None:
        """``count`` lines from ``first`` on are on the screen."""
        first = max(0, first)
        stop = min(first + max(0, count), len(self._shown))
        if first < stop:
            self._left -= self._shown.count(0, first, stop)
            self._shown[first:stop] = b"\x01" * (stop - first)
