"""The program that turns the agent's bytes into rows: ``main`` with the arguments SIZE and CORE; emulator.py starts it.

Standard input is its end of a socket pair; it speaks screen_protocol.py there and touches nothing else. It
confines itself before the first byte of the agent reaches it, and ends when the other side closes.

Updates are paced: the first change after a quiet spell goes out at once, then at most 60 a second and never
more often than leaves most of the time for reading. A synchronized update (mode 2026) is held back until
the program ends it, at most 150 ms.
"""

from __future__ import annotations

import select
import socket
import sys
import time

import msgspec

from ironcurtain_tui.confinement import confine
from ironcurtain_tui.control.framing import MAX_FRAME, pack
from ironcurtain_tui.control.messages import Cursor, HistoryRows, Row, ScreenUpdate, TerminalModes
from ironcurtain_tui.terminal.core import EmulatorCore
from ironcurtain_tui.terminal.cores import CoreName, make_core
from ironcurtain_tui.terminal.screen_protocol import (
    MAX_HISTORY_ROWS,
    MAX_KEY_FRAME,
    ClipboardRefused,
    Command,
    Failed,
    Feed,
    KeyFrame,
    Rang,
    ReadScrollback,
    Ready,
    Replied,
    SetSize,
    TakeKeyFrame,
    Titled,
    clamp_size,
    decode_command,
)

FRAME = 1 / 60
"""Seconds between two updates, at least."""
SHARE = 0.4
"""Of the time, at most, may go into building updates while output floods in."""
HOLD_LIMIT = 0.15
"""Seconds a synchronized update may keep changes from being shown."""
READ_BUDGET = 0.004
"""Seconds of reading and feeding before a due update is sent."""
READ_SIZE = 1 << 18
WARM_UP = "Ag漢é👍🏽\x1b[1;31mx\x1b]8;;http://x\x1b\\l\x1b]8;;\x1b\\\r\n"


class FrameSplitter:
    """Cuts a byte stream into commands."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Command]:
        """The commands that are complete now; ValueError (or msgspec's) on anything malformed."""
        self._buffer += data
        commands: list[Command] = []
        start = 0
        while len(self._buffer) - start >= 4:
            length = int.from_bytes(self._buffer[start : start + 4], "big")
            if length > MAX_FRAME:
                raise ValueError("frame too long")
            end = start + 4 + length
            if len(self._buffer) < end:
                break
            commands.append(decode_command(bytes(self._buffer[start + 4 : end])))
            start = end
        del self._buffer[:start]
        return commands


class UpdateSource:
    """Finds what of the screen differs from what was last sent."""

    def __init__(self, core: EmulatorCore) -> None:
        self._core = core
        self._encoder = msgspec.msgpack.Encoder()
        self._rows: dict[int, bytes] = {}
        self._size = (0, 0)
        self._state: tuple[Cursor, TerminalModes, int] | None = None

    def encode(self, row: Row) -> msgspec.Raw:
        """One row as it travels."""
        return msgspec.Raw(self._encoder.encode(row))

    def next_update(self) -> ScreenUpdate | None:
        """What to send now; None when nothing visible changed."""
        core = self._core
        size = (core.cols, core.lines)
        full = size != self._size
        if full:
            self._size = size
            self._rows.clear()
        changed: dict[int, msgspec.Raw] = {}
        for y, row in core.changed_rows():
            encoded = self._encoder.encode(row)
            if self._rows.get(y) != encoded:
                self._rows[y] = encoded
                changed[y] = msgspec.Raw(encoded)
        if full:
            changed = {y: msgspec.Raw(encoded) for y, encoded in self._rows.items()}
        state = (core.cursor(), core.modes(), core.history())
        if not changed and state == self._state:
            return None
        self._state = state
        cursor, modes, history = state
        return ScreenUpdate(
            cols=core.cols,
            lines=core.lines,
            cursor=cursor,
            modes=modes,
            rows=changed,
            full=full,
            history=history,
        )


class ScreenServer:
    """Reads commands, feeds the core, and sends reports when they are due."""

    def __init__(self, wire: socket.socket, core: EmulatorCore) -> None:
        self._wire = wire
        self._core = core
        self._updates = UpdateSource(core)
        self._splitter = FrameSplitter()
        self._changed = False
        self._last_update = 0.0
        self._cost = 0.0
        self._held_since: float | None = None
        self._title = ""
        self._bell_due = False
        self._clipboard_due = False

    def run(self) -> None:
        """Serve until the other side closes."""
        while self._receive():
            now = time.monotonic()
            if self._changed and now >= self._due(now):
                self._send_update(now)

    def _receive(self) -> bool:
        """Wait for commands or for the next update to fall due, and carry the commands out; False at the end."""
        now = time.monotonic()
        wait = max(0.0, self._due(now) - now) if self._changed else None
        stop = 0.0
        while select.select([self._wire], [], [], wait)[0]:
            data = self._wire.recv(READ_SIZE)
            if not data:
                return False
            for command in self._splitter.feed(data):
                self._carry_out(command)
            self._report()
            now = time.monotonic()
            stop = stop or now + READ_BUDGET
            if now >= stop:
                break
            wait = 0.0
        return True

    def _carry_out(self, command: Command) -> None:
        core = self._core
        match command:
            case Feed(data=data, replay=replay):
                core.feed(data)
                rang = core.take_bells() > 0
                clipboard = core.take_clipboard_writes() > 0
                if replay:  # not shown before all of it is in: a size follows
                    core.take_replies()
                else:
                    self._changed = True
                    self._bell_due |= rang
                    self._clipboard_due |= clipboard
            case SetSize(cols=cols, lines=lines):
                core.resize(*clamp_size(cols, lines))
                self._changed = True
            case ReadScrollback(request=request, top=top, count=count):
                top = max(0, top)
                rows = core.read_history(top, max(0, min(count, MAX_HISTORY_ROWS)))
                total = core.history() + core.lines
                encoded = tuple(self._updates.encode(row) for row in rows)
                self._wire.sendall(pack(HistoryRows(request=request, top=top, total=total, rows=encoded)))
            case TakeKeyFrame(request=request):
                frame = core.key_frame()
                data = frame if len(frame) <= MAX_KEY_FRAME else b""
                self._wire.sendall(pack(KeyFrame(request=request, cols=core.cols, lines=core.lines, data=data)))

    def _report(self) -> None:
        """What must not wait for the next update: answers to the program, bells and titles."""
        if replies := self._core.take_replies():
            self._wire.sendall(pack(Replied(data=replies)))
        if self._bell_due:
            self._bell_due = False
            self._wire.sendall(pack(Rang()))
        if self._clipboard_due:
            self._clipboard_due = False
            self._wire.sendall(pack(ClipboardRefused()))
        if (title := self._core.title()) != self._title:
            self._title = title
            self._wire.sendall(pack(Titled(title=title)))

    def _due(self, now: float) -> float:
        """When the next update may go out."""
        due = self._last_update + max(FRAME, self._cost / SHARE)
        if not self._core.held():
            self._held_since = None
            return due
        if self._held_since is None:
            self._held_since = now
        return max(due, self._held_since + HOLD_LIMIT)

    def _send_update(self, now: float) -> None:
        self._changed = False
        self._held_since = None
        update = self._updates.next_update()
        if update is not None:
            self._wire.sendall(pack(update))
            self._last_update = now
        self._cost += 0.3 * (time.monotonic() - now - self._cost)


def warm_up(prefer: CoreName) -> None:
    """Load what is loaded on first use (width tables, codecs), while files can still be read."""
    core = make_core(8, 2, prefer)
    core.feed(WARM_UP.encode())
    UpdateSource(core).next_update()
    core.read_history(0, 1)
    core.key_frame()
    core.close()
    b"\xff".decode("utf-8", "replace")
    time.monotonic()


def main() -> None:
    """Run on the socket that is standard input."""
    cols, lines = (int(number) for number in sys.argv[1].split("x"))
    prefer: CoreName = "bittty" if sys.argv[2] == "bittty" else "ghostty"
    wire = socket.socket(fileno=0)
    warm_up(prefer)
    core = make_core(*clamp_size(cols, lines), prefer)
    protections = confine()
    wire.sendall(pack(Ready(core=core.name, protections=protections)))
    try:
        ScreenServer(wire, core).run()
    except OSError:
        pass  # the supervisor is gone
    except Exception as error:  # the supervisor starts another one and wants to know why
        wire.sendall(pack(Failed(reason=f"{type(error).__name__} in the emulator")))
        raise SystemExit(1) from error
