"""The agent's terminal as one thing: its byte stream, its screen, its recording, and who may size it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from ironcurtain_tui.config import RecordingSettings
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.failures import EngineRefusedError, EngineUnavailableError
from ironcurtain_tui.control.messages import (
    Focus,
    HistoryRows,
    Key,
    Mouse,
    MouseKind,
    MouseTracking,
    Paste,
    ReadHistory,
)
from ironcurtain_tui.control.server import Viewer
from ironcurtain_tui.events import AuditLine, Decision
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorEvents, EmulatorGoneError, ScreenProcess
from ironcurtain_tui.terminal.keys import encode_focus, encode_key
from ironcurtain_tui.terminal.mouse import encode_mouse
from ironcurtain_tui.terminal.paste import encode_paste, taken_out
from ironcurtain_tui.terminal.pty_stream import PtyStream
from ironcurtain_tui.terminal.recording import Recorder
from ironcurtain_tui.terminal.screen import ViewerDamage
from ironcurtain_tui.terminal.screen_protocol import clamp_size
from ironcurtain_tui.terminal.started_screen import StartedScreen

log = logging.getLogger(__name__)

KEY_FRAME_ATTEMPTS = 3
Dropped = Callable[[str, int], object]


def _nothing(_what: str, _size: int) -> None: ...


Input = Key | Paste | Mouse | Focus

PASTE_SECONDS = 0.15
"""Between a paste and the Enter after it: at once, an editor takes the Enter for a part of the paste."""


class AgentTerminal:
    """Make it with ``open``, connect it with ``attach``, end it with ``close``."""

    def __init__(
        self,
        screen: ScreenProcess,
        recorder: Recorder | None,
        tasks: TaskOwner,
        size: tuple[int, int],
        *,
        records_keys: bool,
        on_dropped: Dropped = _nothing,
    ) -> None:
        """``on_dropped`` is told of input that does not reach the agent: what, and how much of it."""
        self._screen = screen
        self._recorder = recorder
        self._records_keys = records_keys
        self._on_dropped = on_dropped
        self._tasks = tasks
        self._size = size
        self._stream: PtyStream | None = None
        self._container: AgentContainer | None = None
        self._resized = asyncio.Event()
        self.on_typed: Callable[[bytes], object] = lambda _: None
        """Told of every byte that was sent because a person pressed a key or pasted, and of no other."""

    @classmethod
    async def open(
        cls,
        events: EmulatorEvents,
        tasks: TaskOwner,
        size: tuple[int, int],
        recording: Path,
        settings: RecordingSettings,
        on_recording_stopped: Callable[[str], object],
        on_dropped: Dropped = _nothing,
        started: StartedScreen | None = None,
    ) -> AgentTerminal:
        """Start the screen process and the recording. OSError or EmulatorGoneError when that fails.

        ``started``: a screen process that was started ahead, to take over.
        """
        size = clamp_size(*size)
        recorder = None
        if settings.enabled:
            recorder = Recorder(recording, *size, limit=settings.max_bytes, on_stop=on_recording_stopped)
        screen = await ScreenProcess.start(*size, events, started)
        terminal = cls(screen, recorder, tasks, size, records_keys=settings.keystrokes, on_dropped=on_dropped)
        events.on_reply = terminal._write
        return terminal

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self._size

    @property
    def protections(self) -> tuple[str, ...]:
        """What the kernel confines the screen process by."""
        return self._screen.protections

    def watch(self) -> ViewerDamage:
        """What a new viewer has to be shown."""
        return ViewerDamage(self._screen.screen)

    def attach(
        self,
        container: AgentContainer,
        sock: socket.socket,
        on_eof: Callable[[OSError | None], object],
        said: bytes = b"",
    ) -> None:
        """Carry bytes between the agent and its screen from now on. Takes over ``sock``, of which ``said`` was read."""
        self._container = container
        self._stream = stream = PtyStream(sock, self._output, on_eof)

        async def carry() -> None:
            if said:
                await self._output(said)
            await stream.run()

        self._tasks.start(carry(), "agent's output")
        self._tasks.start(self._resize_container(), "agent's terminal size")

    async def show(self, text: str) -> None:
        """Put ``text`` on the screen and into the recording, as if an agent had written it."""
        await self._output(text.encode())

    def type(self, message: Input) -> None:
        """Send what a viewer typed, pasted or pointed at, in the form the agent's modes ask for."""
        modes = self._screen.screen.modes
        match message:
            case Key(key=key, character=character):
                self._type(encode_key(key, character, modes))
            case Paste(text=text):
                if count := taken_out(text):
                    self._on_dropped("control characters taken out of a paste", count)
                self._type(encode_paste(text, modes))
            case Mouse(kind=kind):
                data = encode_mouse(message, modes)
                # A click may put the cursor elsewhere, and a wheel may be read as arrow keys.
                if data and (kind is MouseKind.PRESS or modes.mouse is MouseTracking.NONE):
                    self.on_typed(data)
                self._write(data)
            case Focus(focused=focused):
                self._write(encode_focus(focused, modes))

    async def say(self, text: str) -> None:
        """Send ``text`` as a paste and, once the agent had time to take it for one, Enter."""
        self._write(encode_paste(text, self._screen.screen.modes))
        await asyncio.sleep(PASTE_SECONDS)
        self._write(encode_key("enter", None, self._screen.screen.modes))

    def text(self) -> str:
        """What the screen shows, row by row. Untrusted."""
        return self._screen.screen.text()

    def resize(self, cols: int, lines: int) -> None:
        """Give the agent's terminal another size, soon; the last of several calls counts."""
        size = clamp_size(cols, lines)
        if size == self._size:
            return
        self._size = size
        self._screen.resize(*size)
        if self._recorder is not None:
            self._recorder.resize(*size)
        self._resized.set()

    def answer_history(self, viewer: Viewer, wanted: ReadHistory) -> None:
        """Send ``viewer`` the rows it asked for; nothing when there is no screen to ask."""
        self._tasks.start(self._read_history(viewer, wanted), "history")

    def mark(self, line: AuditLine) -> None:
        """Put a marker into the recording for an audit record that somebody will look for: questions, refusals."""
        worth = line.decision is Decision.DENY or line.kind.startswith("escalation.") or line.kind == "engine.lost"
        if worth and self._recorder is not None:
            self._recorder.marker(f"#{line.seq} {line.kind}: {line.summary}")

    async def close(self) -> None:
        """End the screen process and the recording, and let go of the stream."""
        if self._stream is not None:
            self._stream.close()
        await self._screen.close()
        if self._recorder is not None:
            await asyncio.to_thread(self._recorder.close)

    async def _output(self, data: bytes) -> None:
        if self._recorder is not None:
            self._recorder.output(data)
        await self._screen.feed(data)
        if self._recorder is not None and self._recorder.part_is_full:
            await self._begin_part(self._recorder)

    async def _begin_part(self, recorder: Recorder) -> None:
        """Let the recording go on in a new part, which begins with the screen as it is."""
        for _ in range(KEY_FRAME_ATTEMPTS):  # the size may change while one is made
            try:
                frame = await self._screen.key_frame()
            except (EmulatorGoneError, TimeoutError) as error:
                log.info("no key frame: %s", error)
                return
            if recorder.begin_part(frame.cols, frame.lines, frame.data):
                return

    def _type(self, data: bytes) -> None:
        if self._records_keys and self._recorder is not None:
            self._recorder.typed(data)
        self.on_typed(data)
        self._write(data)

    def _write(self, data: bytes) -> None:
        if data and self._stream is not None and not self._stream.write(data):
            log.warning("the agent does not read its input: %d bytes dropped", len(data))
            self._on_dropped("bytes of input the agent did not read", len(data))

    async def _resize_container(self) -> None:
        """One resize at a time, always to the newest size."""
        while True:
            await self._resized.wait()
            self._resized.clear()
            if self._container is not None:
                try:
                    await asyncio.to_thread(self._container.resize, *self._size)
                except (EngineRefusedError, EngineUnavailableError) as error:
                    log.warning("the agent's terminal keeps its size: %s", error.message)

    async def _read_history(self, viewer: Viewer, wanted: ReadHistory) -> None:
        try:
            rows = await self._screen.read_history(wanted.top, wanted.count)
        except (EmulatorGoneError, TimeoutError) as error:
            log.info("no history: %s", error)
            rows = HistoryRows(request=0, top=0, total=0, rows=())
        viewer.answer(msgspec.structs.replace(rows, request=wanted.request))
