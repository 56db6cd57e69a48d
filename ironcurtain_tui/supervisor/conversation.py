"""The agent's conversation in one session: where it is kept, and where it comes from when it is taken up."""

from __future__ import annotations

import asyncio
from pathlib import Path

from ironcurtain_tui.agents.base import AgentAdapter
from ironcurtain_tui.containers.identity import Identity
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import agent_state
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.teardown import Teardown
from ironcurtain_tui.tasks import TaskOwner

MEASURE_SECONDS = 30.0


class Conversation:
    """``open`` it before the container is made."""

    def __init__(
        self, request: LaunchRequest, adapter: AgentAdapter, session: SessionPaths, bulletin: Bulletin
    ) -> None:
        self._request = request
        self._places = adapter.state
        self._paths = session
        self._bulletin = bulletin

    async def open(self, identity: Identity, teardown: Teardown, tasks: TaskOwner) -> Path | None:
        """The directory to mount, with the old conversation where one is taken up; None when the agent keeps none.

        UserFacingError when the old one cannot be had.
        """
        if not self._places:
            return None
        await asyncio.to_thread(agent_state.make, self._paths.state, self._places, identity)
        teardown.push("agent's state", lambda: asyncio.to_thread(agent_state.settle, self._paths.state))
        if self._request.resumes:
            async with self._bulletin.step("conversation"):
                before = SessionPaths.of(self._request.resumes, self._paths.root).state
                take_over = agent_state.take_over
                await asyncio.to_thread(take_over, before, self._paths.state, self._places, identity)
        tasks.start(self._watch_size(), "size of the agent's state")
        return self._paths.state

    async def _watch_size(self) -> None:
        """Say once when it is so much that it will not be kept."""
        while not (wrong := await asyncio.to_thread(agent_state.measure, self._paths.state)):  # noqa: ASYNC110 -- a disk
            await asyncio.sleep(MEASURE_SECONDS)
        self._bulletin.notice(
            BadgeState.WARN,
            f"The agent's conversation will not be kept: {wrong}.",
            f"It is in {self._paths.state} and takes space on your disk until the session ends.",
        )
