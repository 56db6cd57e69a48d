"""Painting no more often than people can read, however fast things happen."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump
from textual.timer import Timer

REPAINT_SECONDS = 0.1


class Pacer:
    """Calls ``paint`` at once after a quiet spell, else once at the end of the running interval."""

    def __init__(self, owner: MessagePump, paint: Callable[[], None], seconds: float = REPAINT_SECONDS) -> None:
        self._owner = owner
        self._paint = paint
        self._seconds = seconds
        self._timer: Timer | None = None
        self._wanted = False

    def request(self) -> None:
        """Something changed."""
        if self._timer is not None:
            self._wanted = True
            return
        self._timer = self._owner.set_timer(self._seconds, self._elapsed)
        self._paint()

    def _elapsed(self) -> None:
        self._timer = None
        if self._wanted:
            self._wanted = False
            self.request()
