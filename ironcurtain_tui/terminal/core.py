"""What a terminal emulator must do for us: the one small interface in front of libghostty and of bittty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ironcurtain_tui.control.messages import Cursor, Row, TerminalModes

SCROLLBACK_ROWS = 10_000
"""Rows of history kept, roughly: cores bound it by bytes."""
TITLE_LIMIT = 256
"""Characters of a title that are passed on."""
LINK_LIMIT = 2_048
"""Characters of an OSC 8 target; a longer one is dropped."""
ROW_LINKS_LIMIT = 8_192
"""Characters all targets of one row may have together."""


class EmulatorCore(Protocol):
    """A headless terminal: bytes in, rows out. Rows measure exactly ``cols`` cells by Rich's count."""

    name: str
    cols: int
    lines: int

    def feed(self, data: bytes) -> None:
        """Interpret output of the program; may be split anywhere."""

    def resize(self, cols: int, lines: int) -> None:
        """Change the size; text is reflowed where the core can."""

    def changed_rows(self) -> Iterator[tuple[int, Row]]:
        """Rows that may differ since the last call, which this call marks as seen."""

    def cursor(self) -> Cursor:
        """Where the cursor is, as of the last ``changed_rows``."""

    def modes(self) -> TerminalModes:
        """What the program switched on."""

    def title(self) -> str:
        """The title the program set; untrusted, at most TITLE_LIMIT characters."""

    def history(self) -> int:
        """Rows of scrollback above the screen."""

    def read_history(self, top: int, count: int) -> list[Row]:
        """``count`` rows from ``top`` on, 0 being the oldest of the scrollback; fewer at the end."""

    def key_frame(self) -> bytes:
        """What a program would print to a fresh terminal of this size to make it look and go on as this one.

        The scrollback is not in it, nor what lies under the alternate screen.
        """

    def take_replies(self) -> bytes:
        """What the terminal answered to queries since the last call, to be written to the program."""

    def take_bells(self) -> int:
        """How often the bell rang since the last call."""

    def take_clipboard_writes(self) -> int:
        """How often the program asked for something to be put on the clipboard since the last call; nothing was."""

    def held(self) -> bool:
        """Whether the program is inside a synchronized update (mode 2026) and should not be drawn."""

    def close(self) -> None:
        """Free it. It must not be used afterwards."""
