"""What the supervisor and its screen process say to each other, over a socket pair with control/framing.py's frames.

Commands go to the screen process, reports come back. The screen process is fed with bytes the agent chose
and may be taken over by them: whoever reads its reports checks them.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.control.messages import HistoryRows, Message, ScreenUpdate

MIN_COLS, MAX_COLS = 2, 1_000
MIN_LINES, MAX_LINES = 1, 500
MAX_KEY_FRAME = 4 << 20
"""Bytes; a screen that would take more has none."""
MAX_HISTORY_ROWS = 500
"""Rows one ReadScrollback may ask for."""


def clamp_size(cols: int, lines: int) -> tuple[int, int]:
    """The nearest size an emulator can have."""
    return max(MIN_COLS, min(cols, MAX_COLS)), max(MIN_LINES, min(lines, MAX_LINES))


class Feed(Message, frozen=True, tag="feed"):
    """Output of the agent, in order. A replay is output seen before: no bell, no answers, no update until a SetSize."""

    data: bytes
    replay: bool = False


class SetSize(Message, frozen=True, tag="set-size"):
    cols: int
    lines: int


class ReadScrollback(Message, frozen=True, tag="read-scrollback"):
    request: int
    top: int
    count: int


class TakeKeyFrame(Message, frozen=True, tag="take-key-frame"):
    """What bytes would make a fresh terminal look as this one does after all output so far?"""

    request: int


Command = Feed | SetSize | ReadScrollback | TakeKeyFrame


class KeyFrame(Message, frozen=True, tag="key-frame"):
    """Answer to TakeKeyFrame. Written by the program as much as its output was."""

    request: int
    cols: int
    lines: int
    data: bytes


class Ready(Message, frozen=True, tag="ready"):
    """First report: which core runs, and which protections the kernel granted."""

    core: str
    protections: tuple[str, ...]


class Replied(Message, frozen=True, tag="replied"):
    """Bytes the terminal answers the program with."""

    data: bytes


class Titled(Message, frozen=True, tag="titled"):
    title: str


class Rang(Message, frozen=True, tag="rang"):
    """The bell, once however often it rang since the last report."""


class ClipboardRefused(Message, frozen=True, tag="clipboard-refused"):
    """The program asked for something to be put on the clipboard, once however often since the last report."""


class Failed(Message, frozen=True, tag="failed"):
    """Last report: the core raised an exception."""

    reason: str


Report = ScreenUpdate | HistoryRows | KeyFrame | Ready | Replied | Titled | Rang | ClipboardRefused | Failed

decode_command = msgspec.msgpack.Decoder(Command).decode
