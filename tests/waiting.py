"""Waiting for what a test needs to see: a condition, never a time."""

from __future__ import annotations

import asyncio
import inspect
import reprlib
import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds any single wait may take before its test has failed: far more than it needs, as a passing test waits no
longer than it must, and a busy machine is no failure."""
LONGEST_PAUSE = 0.05
"""Seconds between two looks, at most; the first looks follow each other faster."""

_shown = reprlib.Repr(maxother=600, maxstring=2000, maxlist=30, maxtuple=30, maxdict=30, maxset=30)


async def until[T](condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What ``condition`` gives, once that is true. AssertionError with what was seen last when it never is."""
    waiting = _Waiting(condition, seconds)
    while not (seen := waiting.look()):  # noqa: ASYNC110 -- what is waited for is not ours to signal
        await asyncio.sleep(waiting.pause())
    return seen


def wait_until[T](condition: Callable[[], T], seconds: float = PATIENCE) -> T:
    """The same where there is no event loop: blocks."""
    waiting = _Waiting(condition, seconds)
    while not (seen := waiting.look()):
        time.sleep(waiting.pause())
    return seen


class _Waiting[T]:
    """One wait: looks, and tells how long to pause before the next look."""

    def __init__(self, condition: Callable[[], T], seconds: float) -> None:
        self._condition = condition
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._pause = 0.0005
        self._late = False

    def look(self) -> T:
        """What the condition gives; AssertionError when it is not true after the last pause either."""
        seen = self._condition()
        if not seen and self._late:
            raise AssertionError(f"not within {self._seconds:g} s: {self._described(seen)}")
        self._late = time.monotonic() >= self._deadline
        return seen

    def pause(self) -> float:
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return self._pause

    def _described(self, seen: T) -> str:
        """The condition's text, what it gave, and the values it looked at."""
        function = inspect.unwrap(self._condition)
        try:
            text = " ".join(inspect.getsource(function).split())
        except (OSError, TypeError):
            text = repr(function)
        try:
            looked_at = inspect.getclosurevars(function).nonlocals
        except TypeError:
            looked_at = {}
        lines = [f"  {name} = {_shown.repr(value)}" for name, value in looked_at.items()]
        return "\n".join([text, f"  gave {_shown.repr(seen)}", *lines])
