"""Input that did not reach the agent as it was given: counted, never quoted, and recorded now and then."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

from ironcurtain_tui.tasks import TaskOwner

SECONDS = 2.0
"""For so long it is counted before it is recorded."""


class DroppedInput:
    """Call it with what was dropped and how much. ``record`` (kind, summary, data) keeps it; ``close`` when over."""

    def __init__(self, record: Callable[[str, str, object], Awaitable[None]], seconds: float = SECONDS) -> None:
        self._record = record
        self._seconds = seconds
        self._counted: Counter[str] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskOwner()

    def __call__(self, what: str, size: int) -> None:
        """``size`` characters or bytes were dropped; ``what`` says which, and why."""
        self._counted[what] += size
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._due)

    async def close(self) -> None:
        """Record what is not recorded yet."""
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.close()
        await self._tell()

    def _due(self) -> None:
        self._timer = None
        self._tasks.start(self._tell(), "dropped input")

    async def _tell(self) -> None:
        counted, self._counted = self._counted, Counter()
        if counted:
            summary = "; ".join(f"{size:,} {what}" for what, size in counted.items())
            await self._record("input.dropped", summary, {"dropped": dict(counted)})
