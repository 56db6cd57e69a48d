"""One row of the agent's terminal, checked and ready to be drawn."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style

from ironcurtain_tui.control.messages import CellStyle, decode_row
from ironcurtain_tui.terminal.cells import drawable
from ironcurtain_tui.ui.widgets.terminal_palette import INVISIBLE, Palette

Overlay = Callable[[int, Style], Style]
"""What to make of the style at a column: draws cursor and selection."""

BAR = "▏"

_URL = re.compile(r"https?://[^\s<>\"'`│┃|]+")
_URL_END = ".,;:!?)]}"
_OPENABLE = ("http://", "https://", "mailto:")


class Line:
    """A row that is exactly ``cols`` cells wide, whatever it was made from."""

    def __init__(self, raw: msgspec.Raw | None, cols: int) -> None:
        """``raw`` is a row as ``decode_row`` takes it; None and what is no row make a blank line."""
        self.cols = cols
        self.runs: list[tuple[str, CellStyle]] = []
        room = cols
        try:
            row = decode_row(raw) if raw is not None else ()
        except msgspec.DecodeError:
            row = ()
        for run in row:
            text = drawable(run.text)
            width = cell_len(text)
            if width > room:
                text, width = set_cell_size(text, room), room
            if run.style.flags & INVISIBLE:
                text = " " * width
            room -= width
            self.runs.append((text, run.style))
        if room:
            self.runs.append((" " * room, CellStyle()))

    @cached_property
    def cells(self) -> list[str]:
        """The text of each column; empty for the second half of a wide character."""
        cells: list[str] = []
        for text, _ in self.runs:
            for char in text:
                width = cell_len(char)
                if width == 0 and cells:
                    cells[-2 if cells[-1] == "" and len(cells) > 1 else -1] += char
                elif width:
                    cells += [char, ""] if width == 2 else [char]
        return cells

    def segments(self, palette: Palette, overlay: Overlay | None = None, bar: int | None = None) -> list[Segment]:
        """The row as Rich draws it. ``bar``: the column where a bar cursor stands, which only a blank has room for."""
        if overlay is None:
            return [Segment(text, palette.style(style)) for text, style in self.runs]
        cells = self.cells
        if bar is not None and self.is_blank(bar):
            cells = [*cells[:bar], BAR, *cells[bar + 1 :]]
        segments: list[Segment] = []
        column = 0
        for text, style in self.runs:
            below = palette.style(style)
            end = column + cell_len(text)
            while column < end:
                above = overlay(column, below)
                start, column = column, column + 1
                while column < end and (cells[column] == "" or overlay(column, below) == above):
                    column += 1
                segments.append(Segment("".join(cells[start:column]), above))
        return segments

    def is_blank(self, column: int) -> bool:
        """Whether nothing is drawn at ``column``."""
        return self.cells[column : column + 1] == [" "]

    def text(self, start: int = 0, end: int | None = None) -> str:
        """What columns ``start`` to ``end`` say, without blanks at the end of the row."""
        return (
            "".join(self.cells[start:end]).rstrip()
            if end is None or end >= self.cols
            else "".join(self.cells[start:end])
        )

    def word_at(self, column: int) -> tuple[int, int]:
        """First column of the word at ``column`` and the one after its last; a blank is a word of its own."""

        def joins(place: int) -> bool:
            return 0 <= place < len(self.cells) and not self.cells[place].isspace()

        if not joins(column):
            return column, column + 1
        start = end = column
        while joins(start - 1):
            start -= 1
        while joins(end):
            end += 1
        return start, end

    def link_at(self, column: int) -> str:
        """The address under ``column``: of a link the agent made, or one written out. Only ones a browser opens."""
        place = 0
        for text, style in self.runs:
            place += cell_len(text)
            if column < place:
                if style.link:
                    return style.link if style.link.startswith(_OPENABLE) and style.link.isprintable() else ""
                break
        row = "".join(cell or "\0" for cell in self.cells)
        if len(row) != len(self.cells):  # combining marks: columns and characters part ways
            return ""
        for match in _URL.finditer(row):
            if match.start() <= column < match.end():
                return match[0].rstrip(_URL_END)
        return ""
