"""Whether the two doors let anything through at all."""

from __future__ import annotations

import asyncio

from ironcurtain_tui.events import DoorState


class Barrier:
    """Open, paused, or cut for good. What comes while it is paused waits."""

    def __init__(self) -> None:
        self._state = DoorState.OPEN
        self._changed = asyncio.Event()

    @property
    def state(self) -> DoorState:
        return self._state

    def set(self, state: DoorState) -> bool:
        """Change it; False when nothing changed: it is so already, or cut."""
        if self._state in (state, DoorState.CUT):
            return False
        self._state = state
        self._changed.set()
        self._changed = asyncio.Event()
        return True

    async def unpaused(self) -> None:
        """Wait while it is paused."""
        while self._state is DoorState.PAUSED:
            await self._changed.wait()

    async def passable(self) -> bool:
        """Wait while it is paused. False when it is cut."""
        await self.unpaused()
        return self._state is DoorState.OPEN
