"""A person at a viewer's socket: sees what is asked and answers, without a screen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import ClientMessage, Decide, Events, ScopeKind
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import Escalation
from ironcurtain_tui.paths import SessionPaths
from tests.e2e.conftest import Loop
from tests.e2e.tmux import PATIENCE


class Person:
    """Watches one session from a thread of its own. ``leave`` it."""

    def __init__(self, session: SessionPaths) -> None:
        self._loop = Loop()
        self._client: ControlClient = self._loop.call(ControlClient.connect(session.control_socket))
        self._keeper = StateKeeper.restore(self._client.state)
        self._changed = self._loop.call(self._event())
        self._watching = asyncio.run_coroutine_threadsafe(self._watch(), self._loop.loop)

    async def _event(self) -> asyncio.Condition:
        return asyncio.Condition()

    async def _watch(self) -> None:
        async for message in self._client:
            if isinstance(message, Events):
                for event in message.events:
                    self._keeper.apply(event)
                async with self._changed:
                    self._changed.notify_all()

    def sees(self, condition: Callable[[StateKeeper], bool], seconds: float = PATIENCE) -> StateKeeper:
        """The session as soon as ``condition`` holds of it."""

        async def wait() -> StateKeeper:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: condition(self._keeper))
            return self._keeper

        return self._loop.call(wait(), seconds + 5)

    def is_asked(self) -> Escalation:
        """The first question that waits."""
        return next(iter(self.sees(lambda keeper: bool(keeper.pending)).pending.values()))

    def answers(
        self, escalation: Escalation, *, approve: bool, sentence: str = "", scope: ScopeKind = ScopeKind.ONCE
    ) -> None:
        self.sends(
            Decide(
                escalation=escalation.id,
                digest=escalation.card.digest,
                approve=approve,
                sentence=sentence,
                scope=scope,
                word="yes",  # it answers as fast as a program does
            )
        )

    def sends(self, message: ClientMessage) -> None:
        self._loop.loop.call_soon_threadsafe(self._client.send, message)

    def leave(self) -> None:
        self._watching.cancel()
        self._loop.call(self._client.close())
        self._loop.close()
