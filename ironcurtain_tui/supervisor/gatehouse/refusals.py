"""How many refusals an agent can have recorded one by one: more are answered at once and summed up.

Without a bound an agent that asks for the forbidden all the time would fill the disk with records, and then nothing
at all could happen. What has an effect is never counted here.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.events import Decision
from ironcurtain_tui.tasks import TaskOwner

BURST = 300
"""Refusals that may come at once."""
RATE = 5.0
"""Refusals a second that may go on forever."""
SUMMARY_SECONDS = 10.0
MOST_KINDS = 20
"""Different ones that a summary names."""
OTHERS = "others"


class Refusals:
    """A token bucket for records of refusals. ``close`` it."""

    def __init__(
        self,
        audit: AuditLog,
        on_unavailable: Callable[[AuditUnavailable], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        seconds: float = SUMMARY_SECONDS,
        word: str = "refused",
        on_summary: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``on_summary`` is told of every summary, even of one that cannot be recorded."""
        self._audit = audit
        self._on_unavailable = on_unavailable
        self._word = word
        self._on_summary = on_summary
        self._clock = clock
        self._seconds = seconds
        self._tokens = float(BURST)
        self._then = clock()
        self._unrecorded: Counter[str] = Counter()
        self._since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskOwner()

    def may_be_recorded(self, what: str, *, has_room: bool = True) -> bool:
        """Whether a refusal of ``what`` gets a record of its own; otherwise it is counted for the next summary.

        Without room in the log none does.
        """
        self._refill()
        if has_room and self._tokens >= 1:
            self._tokens -= 1
            return True
        self._count(what)
        return False

    def may_be_asked(self, what: str) -> bool:
        """Whether a person may be asked about ``what``; otherwise its refusal is counted."""
        self._refill()
        if self._tokens >= 1:
            return True
        self._count(what)
        return False

    def taken_back(self) -> None:
        """The agent took a question back: two records without an effect."""
        self._refill()
        self._tokens = max(0.0, self._tokens - 2)

    async def close(self) -> None:
        """Record what is not recorded yet."""
        if self._timer is not None:
            self._timer.cancel()
        await self._tasks.close()
        await self._sum_up()

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(BURST, self._tokens + (now - self._then) * RATE)
        self._then = now

    def _count(self, what: str) -> None:
        known = what in self._unrecorded or len(self._unrecorded) < MOST_KINDS
        self._unrecorded[what if known else OTHERS] += 1
        if self._timer is None:
            self._since = self._clock()
            self._timer = asyncio.get_running_loop().call_later(self._seconds, self._due)

    def _due(self) -> None:
        self._timer = None
        self._tasks.start(self._sum_up(), "summary of refusals")

    async def _sum_up(self) -> None:
        counted, self._unrecorded = self._unrecorded, Counter()
        if not counted:
            return
        seconds = max(1, round(self._clock() - self._since))
        summary = f"{counted.total():,} more {self._word} within {seconds} s"
        self._on_summary(summary)
        try:
            await self._audit.append_async(
                "refusals",
                summary,
                decision=Decision.DENY,
                data={"count": counted.total(), "seconds": seconds, "what": dict(counted.most_common())},
                durable=False,
            )
        except AuditUnavailable as error:
            self._on_unavailable(error)
