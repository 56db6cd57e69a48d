"""What the session does, told from the wire: waiting for a person, running, or idle."""

from __future__ import annotations

import asyncio

from ironcurtain_tui.events import Decision, Flow, SessionStatus
from ironcurtain_tui.supervisor.bulletin import Bulletin

IDLE_AFTER = 1.0
"""Seconds without a request under way until the agent counts as idle."""
_ALIVE = frozenset({SessionStatus.RUNNING, SessionStatus.IDLE, SessionStatus.WAITING})


class Activity:
    """Waiting while a person is asked; else running while a request is under way; idle a moment after the last one."""

    def __init__(self, bulletin: Bulletin) -> None:
        self._bulletin = bulletin
        self._loop = asyncio.get_running_loop()
        self._open: set[str] = set()
        self._questions = 0
        self._idle_timer: asyncio.TimerHandle | None = None

    def passed(self, flow: Flow) -> None:
        """A request was allowed, moved on, or is over: maybe because it was refused after all."""
        if flow.state.is_over:
            self._open.discard(flow.id)
        elif flow.decision is Decision.ALLOW:
            self._open.add(flow.id)
        self._changed()

    def asks(self, questions: int) -> None:
        """So many questions wait for a person now."""
        self._questions = questions
        self._changed()

    def _changed(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._bulletin.keeper.status not in _ALIVE:
            return
        if self._questions:
            self._bulletin.status(SessionStatus.WAITING)
        elif self._open:
            self._bulletin.status(SessionStatus.RUNNING)
        else:
            self._idle_timer = self._loop.call_later(IDLE_AFTER, self._become_idle)

    def _become_idle(self) -> None:
        if self._bulletin.keeper.status in {SessionStatus.RUNNING, SessionStatus.WAITING}:
            self._bulletin.status(SessionStatus.IDLE)
