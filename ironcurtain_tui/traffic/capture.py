"""The beginning of what passes, remembered while it does, within a bound that holds for all flows together."""

from __future__ import annotations

import threading

from ironcurtain_tui.events import Flow

MARGIN = 1 << 10
"""Bytes that are remembered beyond the limit, so that a secret across it is still found."""

Headers = tuple[tuple[str, str], ...]


class Budget:
    """So many bytes may be remembered at a time."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> bool:
        """Whether ``size`` bytes may be remembered; they must be given back."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give(self, size: int) -> None:
        """Bytes that are no longer remembered."""
        with self._lock:
            self._left += size


class Part:
    """One direction of a flow."""

    def __init__(self, budget: Budget, limit: int) -> None:
        self._budget = budget
        self._limit = limit
        self._taken = 0
        self.headers: Headers = ()
        self.body = bytearray()
        self.size = 0
        """Bytes that passed."""
        self.starved = False
        """Something could not be remembered, because too much was already."""

    def head(self, headers: Headers) -> None:
        """The headers, without credentials."""
        if self._take(sum(len(name) + len(value) for name, value in headers)):
            self.headers = headers

    def feed(self, data: bytes) -> None:
        """The next piece of the body. Never fails, and takes no time."""
        self.size += len(data)
        piece = data[: max(0, self._limit - len(self.body))]
        if piece and not self.starved and self._take(len(piece)):
            self.body += piece

    def forget(self) -> None:
        """Give everything back."""
        self._budget.give(self._taken)
        self._taken = 0
        self.body = bytearray()

    def _take(self, size: int) -> bool:
        if not self._budget.take(size):
            self.starved = True
            return False
        self._taken += size
        return True


class Capture:
    """What is remembered of one flow until it is over."""

    def __init__(self, budget: Budget, limit: int) -> None:
        """``limit``: bytes of each body."""
        self.request = Part(budget, limit + MARGIN if limit else 0)
        self.response = Part(budget, limit + MARGIN if limit else 0)
        self.target = ""
        self.flow: Flow | None = None
        """As it ended."""
        self.mono_us = 0

    def forget(self) -> None:
        """Give everything back."""
        self.request.forget()
        self.response.forget()
