"""An app on a screen of a given size, worked by keys. Nothing here waits for a time, only for a state.

Textual's own pilot takes a process that gets no processor for an idle one, so on a busy machine it looks too early.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.app import App
from textual.pilot import Pilot
from textual.strip import Strip

SECONDS = 60.0
"""Until something that is waited for counts as missing. Long: it costs nothing when it comes."""
TURNS = 20
"""Turns of the event loop in which what one end of a socket wrote is read by the other end, in the same loop."""


class OnScreen[AppT: App[Any]]:
    """An app that a test looks at."""

    def __init__(self, app: AppT, pilot: Pilot[Any]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        """Everything that is on the screen, line by line."""
        return "\n".join("".join(segment.text for segment in strip) for strip in self._strips())

    async def until(self, holds: Callable[[], object]) -> None:
        """Let the app work until ``holds()`` is true and the picture stands still.

        AssertionError, with what is on the screen, if it never is.
        """
        await self._wait(holds)
        await self.caught_up()

    async def press(self, *keys: str) -> None:
        """Press ``keys`` and wait until what they lead to is on the screen."""
        await self.pilot.press(*keys)
        await self.caught_up()

    async def caught_up(self) -> None:
        """Until all that was said is heard, all that is queued is done, and the picture stands still."""
        before: list[Strip] = []

        def still() -> bool:
            nonlocal before
            now = self._strips()
            before, same = now, now == before
            return same and self.level()

        await self._work()
        await self._wait(still)

    def level(self) -> bool:
        """Whether nothing is on its way to the app that the test knows of."""
        return True

    def _strips(self) -> list[Strip]:
        return self.app.screen._compositor.render_strips()[: self.app.size.height]

    async def _wait(self, holds: Callable[[], object]) -> None:
        try:
            async with asyncio.timeout(SECONDS):
                while not holds():
                    await self._work()
        except TimeoutError:
            raise AssertionError(f"still not so:\n{self.text}") from None

    async def _work(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)
        await self.pilot.pause(0.005)
