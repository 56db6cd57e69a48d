"""The supervisor's handle on its screen process: feed bytes, get screens, survive crashes.

The emulator is native code fed with bytes the agent chose, so it lives in a confined process of its own
(screen_process.py). When that dies, another is started and fed the tail of the agent's output; a second
death within a minute switches to the pure-Python core, and after too many the screen stays as it was while
the agent goes on.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ironcurtain_tui.control.frame_reader import FrameReader
from ironcurtain_tui.control.framing import FrameError, pack
from ironcurtain_tui.control.messages import HistoryRows, ScreenUpdate
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.byte_ring import ByteRing
from ironcurtain_tui.terminal.modes import restore_modes
from ironcurtain_tui.terminal.screen import Screen
from ironcurtain_tui.terminal.screen_protocol import (
    MAX_HISTORY_ROWS,
    ClipboardRefused,
    Command,
    Failed,
    Feed,
    KeyFrame,
    Rang,
    ReadScrollback,
    Ready,
    Replied,
    Report,
    SetSize,
    TakeKeyFrame,
    Titled,
    clamp_size,
)
from ironcurtain_tui.terminal.started_screen import StartedScreen

log = logging.getLogger(__name__)

RESTARTS_A_MINUTE = 3
START_LIMIT = 20.0
"""Seconds a new screen process may take to report ready."""
HISTORY_LIMIT = 5.0
"""Seconds an answer to ``read_history`` may take."""
FEED_SIZE = 1 << 16
"""Bytes of output in one command."""
UNSENT_LIMIT = 1 << 17
"""Bytes waiting for the screen process before ``feed`` makes its caller wait."""
REPLIES_A_SECOND = 1 << 16
"""Bytes of answers passed to the program; a flood of queries gets no more."""
TITLE_LIMIT = 256


class EmulatorGoneError(RuntimeError):
    """The screen process does not run and will not be started again."""


def _nothing(*_: object) -> None: ...


@dataclass
class EmulatorEvents:
    """What a screen process tells. Called on the event loop; must not block."""

    on_update: Callable[[], object] = _nothing
    """The screen changed: see ``ScreenProcess.screen``."""
    on_reply: Callable[[bytes], object] = _nothing
    """Bytes to write to the program, which asked the terminal something."""
    on_title: Callable[[str], object] = _nothing
    """The program set the title: untrusted text."""
    on_bell: Callable[[], object] = _nothing
    on_clipboard: Callable[[], object] = _nothing
    """The program asked for something to be put on the clipboard (OSC 52); nothing was."""
    on_restart: Callable[[str], object] = _nothing
    """The screen process died for this reason and was, or was not, replaced."""


@dataclass
class _Child:
    """One running screen process and our end of its socket."""

    process: StartedScreen
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    ready: Ready
    waiting: dict[int, asyncio.Future[HistoryRows | KeyFrame]] = field(default_factory=dict)

    def send(self, command: Command) -> None:
        self.writer.write(pack(command))

    async def end(self) -> int:
        """Close our side, make sure it is gone, and return its exit status."""
        self.writer.close()
        for future in self.waiting.values():
            future.cancel()
        return await self.process.ended()


class ScreenProcess:
    """Keeps one screen process running. Make it with ``start``, end it with ``close``."""

    def __init__(self, cols: int, lines: int, events: EmulatorEvents) -> None:
        cols, lines = clamp_size(cols, lines)
        self.screen = Screen(cols, lines)
        self.title = ""
        self._size = (cols, lines)
        self._events = events
        self._ring = ByteRing()
        self._child: _Child | None = None
        self._up = asyncio.Event()
        self._gone = False
        self._crashes: deque[float] = deque()
        self._requests = itertools.count(1)
        self._reply_room = float(REPLIES_A_SECOND)
        self._reply_time = time.monotonic()
        self._tasks = TaskOwner()

    @classmethod
    async def start(
        cls, cols: int, lines: int, events: EmulatorEvents | None = None, started: StartedScreen | None = None
    ) -> ScreenProcess:
        """Start a screen process; OSError or EmulatorGoneError when it does not come up.

        ``started``: one to take over, of whatever size. Where it has died meanwhile, another one is started.
        """
        emulator = cls(cols, lines, events or EmulatorEvents())
        emulator._install(await emulator._first(started))
        return emulator

    @property
    def pid(self) -> int | None:
        """Process id of the running child."""
        return self._child.process.pid if self._child else None

    @property
    def core(self) -> str:
        """Name of the emulator core in use; empty while there is none."""
        return self._child.ready.core if self._child else ""

    @property
    def protections(self) -> tuple[str, ...]:
        """What the kernel confines the child by (see confinement.py)."""
        return self._child.ready.protections if self._child else ()

    async def feed(self, data: bytes) -> None:
        """Hand over output of the agent, in order. Waits while the screen process is behind."""
        for start in range(0, len(data), FEED_SIZE):
            await self._feed_chunk(data[start : start + FEED_SIZE])

    async def _feed_chunk(self, data: bytes) -> None:
        self._ring.append(data)
        child = self._child
        if child is None:
            if not self._gone:
                await self._up.wait()  # a new process starts with the ring, this chunk included
            return
        child.send(Feed(data=data))
        try:
            await child.writer.drain()
        except ConnectionError:
            pass  # it died; its successor gets this chunk from the ring

    def resize(self, cols: int, lines: int) -> None:
        """Change the size, after all output fed so far."""
        self._size = clamp_size(cols, lines)
        if self._child:
            self._child.send(SetSize(cols=self._size[0], lines=self._size[1]))

    async def read_history(self, top: int, count: int) -> HistoryRows:
        """Rows of scrollback and screen from ``top`` (0 = oldest), at most MAX_HISTORY_ROWS.

        ``request`` of the answer is our own number. Raises EmulatorGoneError or TimeoutError.
        """
        request, count = next(self._requests), max(0, min(count, MAX_HISTORY_ROWS))
        answer = await self._ask(ReadScrollback(request=request, top=max(0, top), count=count), request)
        if not isinstance(answer, HistoryRows):
            raise EmulatorGoneError("the screen process answered something else")
        return answer

    async def key_frame(self) -> KeyFrame:
        """The screen as bytes, after all output fed so far. Raises EmulatorGoneError or TimeoutError."""
        request = next(self._requests)
        answer = await self._ask(TakeKeyFrame(request=request), request)
        if not isinstance(answer, KeyFrame):
            raise EmulatorGoneError("the screen process answered something else")
        return answer

    async def _ask(self, question: Command, request: int) -> HistoryRows | KeyFrame:
        child = self._child
        if child is None:
            raise EmulatorGoneError("there is no screen process now")
        answer: asyncio.Future[HistoryRows | KeyFrame] = asyncio.get_running_loop().create_future()
        child.waiting[request] = answer
        try:
            child.send(question)
            return await asyncio.wait_for(asyncio.shield(answer), HISTORY_LIMIT)
        except asyncio.CancelledError:
            if answer.cancelled():
                raise EmulatorGoneError("the screen process ended") from None
            raise
        finally:
            child.waiting.pop(request, None)

    async def close(self) -> None:
        """End the child. Safe to call twice."""
        self._gone = True
        self._up.set()
        await self._tasks.close()
        child, self._child = self._child, None
        if child:
            await child.end()

    async def _first(self, started: StartedScreen | None) -> _Child:
        if started is None:
            return await self._spawn("ghostty")
        try:
            if started.take():
                return await self._connect(started)
            started.close()
        except EmulatorGoneError as error:
            log.info("the screen process that was started ahead: %s", error)
        return await self._spawn("ghostty")

    async def _spawn(self, core: str) -> _Child:
        """A new screen process that has reported ready."""
        started = StartedScreen(self._size, core)
        started.take()
        return await self._connect(started)

    async def _connect(self, started: StartedScreen) -> _Child:
        """``started`` once it has reported ready; EmulatorGoneError, and its end, when it does not."""
        reader, writer = await asyncio.open_unix_connection(sock=started.socket)
        writer.transport.set_write_buffer_limits(high=UNSENT_LIMIT)
        child = _Child(started, reader, writer, Ready(core="", protections=()))
        try:
            report = await asyncio.wait_for(FrameReader[Report](reader, Report).read(), START_LIMIT)
        except BaseException as error:
            await child.end()
            if isinstance(error, (FrameError, TimeoutError, OSError)):
                raise EmulatorGoneError("the screen process did not start") from error
            raise
        if not isinstance(report, Ready):
            status = await child.end()
            raise EmulatorGoneError(f"the screen process did not start ({_describe(status)})")
        child.ready = report
        return child

    def _install(self, child: _Child) -> None:
        """Make ``child`` the current one. No await in here: nothing may be fed between the ring and the rest."""
        self._child = child
        child.send(SetSize(cols=self._size[0], lines=self._size[1]))
        self._up.set()
        self._tasks.start(self._serve(child), "screen process")

    async def _serve(self, child: _Child) -> None:
        """Read the child's reports until it ends, then see to a successor."""
        reason = ""
        frames = FrameReader[Report](child.reader, Report)
        try:
            while (report := await frames.read()) is not None:
                if isinstance(report, Failed):
                    reason = report.reason[:200]
                    break
                self._take(child, report)
        except FrameError as error:
            reason = str(error)[:200]
        except OSError:
            pass  # how it ended says more
        self._child = None
        self._up.clear()
        status = await child.end()
        await self._restart(reason or _describe(status))

    def _take(self, child: _Child, report: Report) -> None:
        match report:
            case ScreenUpdate():
                self.screen.apply(report)
                self._events.on_update()
            case HistoryRows(request=request) | KeyFrame(request=request):
                future = child.waiting.get(request)
                if future and not future.done():
                    future.set_result(report)
            case Replied(data=data):
                if self._may_reply(len(data)):
                    self._events.on_reply(data)
            case Titled(title=title):
                self.title = title[:TITLE_LIMIT]
                self._events.on_title(self.title)
            case Rang():
                self._events.on_bell()
            case ClipboardRefused():
                self._events.on_clipboard()
            case _:
                pass

    def _may_reply(self, size: int) -> bool:
        """Whether ``size`` more bytes of answers are within the allowance, which grows back with time."""
        now = time.monotonic()
        self._reply_room = min(REPLIES_A_SECOND, self._reply_room + (now - self._reply_time) * REPLIES_A_SECOND)
        self._reply_time = now
        if size > self._reply_room:
            return False
        self._reply_room -= size
        return True

    async def _restart(self, reason: str) -> None:
        """Start a successor and feed it the tail of the output, unless there were too many deaths lately."""
        log.warning("the screen process ended: %s", reason)
        while not self._gone:
            now = time.monotonic()
            while self._crashes and self._crashes[0] < now - 60:
                self._crashes.popleft()
            if len(self._crashes) >= RESTARTS_A_MINUTE:
                break
            self._crashes.append(now)
            try:
                child = await self._spawn("bittty" if len(self._crashes) > 1 else "ghostty")
            except (EmulatorGoneError, OSError) as error:
                log.warning("no new screen process: %s", error)
                continue
            if not self._ring.complete:
                child.send(Feed(data=restore_modes(self.screen.modes), replay=True))
            tail = self._ring.tail()
            for start in range(0, len(tail), FEED_SIZE):
                child.send(Feed(data=tail[start : start + FEED_SIZE], replay=True))
            self._install(child)
            self._events.on_restart(f"{reason}; the screen was rebuilt with {child.ready.core}")
            return
        self._gone = True
        self._up.set()
        self._events.on_restart(f"{reason}; it is not started again, the screen stays as it was")


def _describe(status: int) -> str:
    return f"killed by signal {-status}" if status < 0 else f"exit status {status}"


__all__ = ["EmulatorEvents", "EmulatorGoneError", "ScreenProcess"]
