"""The fallback core: bittty, pure Python. Slower by far, but there where libghostty has no build, or has crashed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from bittty import Board
from bittty.style import Color, Style
from bittty.terminals import Terminal
from bittty.terminals.scrollback import MemoryScrollback

from ironcurtain_tui.control.messages import CellStyle, Cursor, CursorShape, MouseTracking, Row, Run, TerminalModes
from ironcurtain_tui.terminal.cells import fit, safe_cluster
from ironcurtain_tui.terminal.core import LINK_LIMIT, ROW_LINKS_LIMIT, SCROLLBACK_ROWS, TITLE_LIMIT
from ironcurtain_tui.terminal.simple_frame import simple_frame

REPLY_LIMIT = 65_536
"""Bytes of answers kept between two calls of ``take_replies``."""
CACHE_LIMIT = 4_096

_RGB = 0x1000000
_UNDERLINES = {None: 1, "double": 2, "curly": 3, "dotted": 4, "dashed": 5}
_TRACKING = {
    "off": MouseTracking.NONE,
    "x10": MouseTracking.CLICK,
    "normal": MouseTracking.CLICK,
    "button": MouseTracking.DRAG,
    "any": MouseTracking.MOTION,
    "locator": MouseTracking.NONE,
}


class ReplyCable:
    """The host side of the board: keeps what the terminal answers, up to a limit."""

    closed = False

    def __init__(self) -> None:
        self.replies = bytearray()

    def write(self, data: str) -> int:
        return self.write_bytes(data.encode("utf-8", "replace"))

    def write_bytes(self, data: bytes) -> int:
        if len(self.replies) + len(data) <= REPLY_LIMIT:
            self.replies += data
        return len(data)

    def flush(self) -> None: ...
    def configure_line(self, line: object) -> None: ...
    def resize(self, rows: int, cols: int) -> None: ...
    def close(self) -> None: ...


class Watcher(Terminal):  # type: ignore[misc]  # bittty has no types
    """What the board tells its display: bells, titles, synchronized updates, and rows for the scrollback."""

    def __init__(self, board: Board, scrollback: MemoryScrollback) -> None:
        super().__init__(board, scrollback)
        self.bells = 0
        self.title = ""
        self.held = False

    def on_bell(self) -> None:
        self.bells += 1

    def on_title(self, title: str, icon_title: str) -> None:  # noqa: ARG002 -- bittty calls it by position
        self.title = title[:TITLE_LIMIT]

    def on_sync_output(self, enabled: bool) -> None:
        self.held = enabled


class BitttyCore:
    """An ``EmulatorCore`` on bittty."""

    name = "bittty"

    def __init__(self, cols: int, lines: int) -> None:
        self.cols, self.lines = cols, lines
        self._cable = ReplyCable()
        self._board = Board(width=cols, height=lines)
        self._board.host.attach(self._cable)
        self._board.title.reported = _no_title  # a title told back is what the program chose, typed at its prompt
        self._board.modes.alternate_scroll_mode = True  # as libghostty and most terminals start
        self._watcher = Watcher(self._board, MemoryScrollback(SCROLLBACK_ROWS * cols))
        self._watcher.attach()
        self._styles: dict[Style, CellStyle] = {}

    def feed(self, data: bytes) -> None:
        self._board.feed_host_data(data)

    def resize(self, cols: int, lines: int) -> None:
        self.cols, self.lines = cols, lines
        self._board.resize_from_frontend(cols, lines)

    def changed_rows(self) -> Iterator[tuple[int, Row]]:
        if (self._board.width, self._board.height) != (self.cols, self.lines):  # DECCOLM and its like
            self._board.resize(self.cols, self.lines)
        page = self._watcher.port.page
        for y in self._watcher.damaged_rows():
            yield y, self._row(page.grid[y])

    def cursor(self) -> Cursor:
        board = self._board
        place = self._watcher.port.cursor
        x, y = place or (board.cursor.display_x, board.cursor.y)
        return Cursor(
            x=min(x, self.cols - 1),
            y=min(y, self.lines - 1),
            visible=place is not None,
            blinking=bool(board.modes.cursor_blinking),
            shape=CursorShape(board.cursor.shape),
        )

    def modes(self) -> TerminalModes:
        board = self._board
        modes = board.modes
        return TerminalModes(
            alternate_screen=board.blitter.in_alt_screen,
            application_cursor=modes.cursor_application_mode,
            application_keypad=not modes.numeric_keypad,
            bracketed_paste=modes.bracketed_paste,
            focus_events=modes.focus_reporting,
            mouse=_TRACKING[board.mouse.protocol.value],
            mouse_sgr=board.mouse.encoding.value == "sgr",
            alternate_scroll=modes.alternate_scroll_mode,
            kitty_flags=int(board.keyboard.kitty_flags),
        )

    def title(self) -> str:
        return self._watcher.title

    def history(self) -> int:
        if self._board.blitter.in_alt_screen:
            return 0
        return len(self._watcher.scrollback.width(self.cols))

    def read_history(self, top: int, count: int) -> list[Row]:
        history = self.history()
        view = self._watcher.scrollback.width(self.cols)
        grid = self._watcher.port.page.grid
        rows = range(top, min(top + count, history + self.lines))
        return [self._row(view[row] if row < history else grid[row - history]) for row in rows]

    def key_frame(self) -> bytes:
        return simple_frame(self)

    def take_replies(self) -> bytes:
        replies = bytes(self._cable.replies)
        self._cable.replies.clear()
        return replies

    def take_bells(self) -> int:
        bells, self._watcher.bells = self._watcher.bells, 0
        return bells

    def take_clipboard_writes(self) -> int:
        return 0  # it does not say

    def held(self) -> bool:
        return self._watcher.held

    def close(self) -> None:
        self._watcher.detach()

    def _row(self, cells: Sequence[tuple[Style, str]]) -> Row:
        cells = cells[: self.cols]
        runs: list[Run] = []
        text: list[str] = []
        current: Style | None = None
        room, last = ROW_LINKS_LIMIT, len(cells) - 1
        wide = [x < last and cells[x + 1][1] == "" and cells[x][1] != "" for x in range(last + 1)]

        def close_run() -> None:
            nonlocal room
            if current is None:
                return
            style = self._style(current)
            room -= len(style.link)
            if style.link and room < 0:
                style = CellStyle(style.fg, style.bg, style.flags, style.underline, style.underline_color)
            runs.append(Run("".join(text), style))
            text.clear()

        for x, (style, characters) in enumerate(cells):
            if style is not current and style != current:
                close_run()
                current = style
            if characters:
                text.append(_draw(characters, 2 if wide[x] else 1))
            elif not (x and wide[x - 1]):
                text.append(" ")  # the half of a wide character that lost its head
        close_run()
        if missing := self.cols - len(cells):  # a line of double width that went into the history
            runs.append(Run(" " * missing))
        return tuple(runs)

    def _style(self, style: Style) -> CellStyle:
        known = self._styles.get(style)
        if known is None:
            if len(self._styles) >= CACHE_LIMIT:
                self._styles.clear()
            known = self._styles[style] = _cell_style(style)
        return known


def _no_title(_label: str) -> str:
    return ""


def _draw(characters: str, width: int) -> str:
    if len(characters) == 1 and characters.isascii() and characters.isprintable():
        return characters
    return safe_cluster(characters, width) if len(characters) > 1 else fit(characters, width)


def _cell_style(style: Style) -> CellStyle:
    names = ("bold", "italic", "dim", "blink", "reverse", "conceal", "strike", "overline")
    link: str = style.hyperlink or ""
    return CellStyle(
        fg=_colour(style.fg),
        bg=_colour(style.bg),
        flags=sum(1 << bit for bit, name in enumerate(names) if getattr(style, name)),
        underline=_UNDERLINES.get(style.underline_style, 1) if style.underline else 0,
        underline_color=_colour(style.underline_color),
        link=link if len(link) <= LINK_LIMIT else "",
    )


def _colour(colour: Color | None) -> int | None:
    value: Any = colour.value if colour is not None else None
    if colour is None or value is None or colour.mode == "default":
        return None
    if colour.mode == "indexed":
        return int(value)
    red, green, blue = value
    return int(_RGB | red << 16 | green << 8 | blue)
