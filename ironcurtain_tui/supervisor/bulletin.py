"""What a session tells: events numbered, folded into state, and sent to every viewer."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import (
    AnyEvent,
    Badge,
    BadgeChanged,
    BadgeState,
    Notice,
    Numbered,
    SessionInfo,
    SessionStatus,
    StatusChanged,
    StepChanged,
)


class Bulletin:
    """The one way to publish anything. ``send`` gets every event with its number."""

    def __init__(self, info: SessionInfo, send: Callable[[Numbered], None]) -> None:
        self.keeper = StateKeeper(info)
        self._send = send
        self._listeners: list[Callable[[AnyEvent], object]] = []

    def tell(self, listener: Callable[[AnyEvent], object]) -> None:
        """``listener``, which must not block, will hear of every event from now on."""
        self._listeners.append(listener)

    def publish(self, event: AnyEvent) -> None:
        self._send(self.keeper.number(event))
        for listener in self._listeners:
            listener(event)

    def status(self, status: SessionStatus, detail: str = "") -> None:
        """Change the session's status, unless it is that already."""
        if (status, detail) != (self.keeper.status, self.keeper.status_detail):
            self.publish(StatusChanged(status=status, detail=detail))

    def badge(self, name: str, state: BadgeState, text: str, detail: str = "") -> None:
        self.publish(BadgeChanged(badge=Badge(name=name, state=state, text=text, detail=detail)))

    def notice(self, level: BadgeState, text: str, remedy: str = "") -> None:
        self.publish(Notice(level=level, text=text, remedy=remedy, time=time.time()))

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[None]:
        """A step of the start: pending now, then done or failed, with the milliseconds it took."""
        began = time.perf_counter()
        self.publish(StepChanged(step=name, state=BadgeState.PENDING))
        state = BadgeState.FAIL
        try:
            yield
            state = BadgeState.OK
        finally:
            self.publish(StepChanged(step=name, state=state, ms=(time.perf_counter() - began) * 1000))
