"""Plays a recording into a confined screen process: bytes the agent chose are never parsed in this one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from ironcurtain_tui.control.messages import HistoryRows, ReadHistory, ScreenUpdate
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorEvents, ScreenProcess
from ironcurtain_tui.terminal.replay import Replay, parse_size
from ironcurtain_tui.terminal.screen import ViewerDamage

FRAME_SECONDS = 1 / 30
SLICE = 1 << 18
"""Characters fed at once: between two slices a new place may be asked for."""
FAR = 1_000
"""Events that are rather left out, by way of a key frame, than fed."""
SPEEDS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class Player:
    """``run`` it; meanwhile ``position`` (seconds) moves by itself while ``playing``, or by ``seek``.

    ``show`` gets what changed on the screen, ``moved`` is told whenever the position may be another.
    """

    def __init__(
        self,
        replay: Replay,
        show: Callable[[ScreenUpdate], object],
        moved: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.replay = replay
        self.position = 0.0
        self.playing = False
        self.speed = 1.0
        self._show = show
        self._moved = moved
        self._clock = clock
        self._then = 0.0
        self._fed = 0
        self._wake = asyncio.Event()
        self._began = 0
        self._screen: ScreenProcess | None = None
        self._spare: ScreenProcess | None = None
        self._over = False
        self._tasks = TaskOwner()
        self._damage: ViewerDamage | None = None

    @property
    def settled(self) -> bool:
        """Whether all that had been written by now was fed to the screen."""
        return self._screen is not None and self._fed == self.replay.until(self.position)

    def seek(self, second: float) -> None:
        """Go to a second of the recording."""
        self.position = min(max(0.0, second), self.replay.duration)
        self._wake.set()

    def toggle(self) -> None:
        """Play, or pause; at the end, play from the beginning."""
        self.playing = not self.playing
        if self.playing and self.position >= self.replay.duration:
            self.position = 0.0
        self._then = self._clock()
        self._wake.set()

    def change_speed(self, steps: int) -> None:
        """To the next of SPEEDS, up or down."""
        place = min(max(0, SPEEDS.index(self.speed) + steps), len(SPEEDS) - 1)
        self.speed = SPEEDS[place]
        self._moved()

    async def run(self) -> None:
        """Play until cancelled. OSError or EmulatorGoneError when there is no screen process."""
        try:
            while True:
                self._advance()
                await self._feed()
                if self.settled:
                    self._draw()
                    self._moved()
                    await self._rest()
        finally:
            self._over = True
            await self._tasks.close()
            for screen in (self._screen, self._spare):
                if screen is not None:
                    await screen.close()

    async def read_history(self, wanted: ReadHistory) -> HistoryRows | None:
        """Rows of the scrollback; None while there is no screen. Raises as ``ScreenProcess.read_history``."""
        return None if self._screen is None else await self._screen.read_history(wanted.top, wanted.count)

    def _advance(self) -> None:
        now = self._clock()
        if self.playing:
            self.position = min(self.position + (now - self._then) * self.speed, self.replay.duration)
            self.playing = self.position < self.replay.duration
        self._then = now

    async def _rest(self) -> None:
        self._wake.clear()
        try:
            await asyncio.wait_for(self._wake.wait(), FRAME_SECONDS if self.playing else None)
        except TimeoutError:
            pass

    async def _feed(self) -> None:
        """Feed a slice of what is missing; going back begins with a new screen."""
        target = self.replay.until(self.position)
        beginning = self.replay.beginning(target)
        if self._screen is None or target < self._fed or beginning > self._fed + FAR:
            await self._begin_anew(beginning)
        screen = self._screen
        if screen is None:
            return
        text: list[str] = []
        size = 0
        while self._fed < target and size < SLICE:
            event = self.replay.events[self._fed]
            self._fed += 1
            if event.code == "o" or (event.code == "k" and self._fed - 1 == self._began):
                text.append(event.data)
                size += len(event.data)
            elif event.code == "r" and (terminal := parse_size(event.data)) is not None:
                await screen.feed("".join(text).encode("utf-8", "replace"))
                text.clear()
                screen.resize(*terminal)
        await screen.feed("".join(text).encode("utf-8", "replace"))

    async def _begin_anew(self, beginning: int) -> None:
        """Go on with a fresh screen, from the event with this number."""
        size = self.replay.size_before(beginning)
        screen, self._spare = self._spare or await self._start(), None
        screen.resize(*size)
        old, self._screen = self._screen, screen
        self._damage, self._fed, self._began = ViewerDamage(screen.screen), beginning, beginning
        if old is not None:
            await old.close()
        if self._spare is None:
            self._tasks.start(self._prepare(), "spare screen")

    async def _prepare(self) -> None:
        """The next way back needs a fresh screen, which takes a while to start."""
        spare = await self._start()
        if self._spare is None and not self._over:
            self._spare = spare
        else:
            await spare.close()

    async def _start(self) -> ScreenProcess:
        return await ScreenProcess.start(*self.replay.size, EmulatorEvents(on_update=self._draw))

    def _draw(self) -> None:
        """Show what is new, but not what flies past on the way to another place."""
        if self.settled and self._damage is not None and (update := self._damage.take()) is not None:
            self._show(update)
