"""What can be pressed after the prefix, laid over the lower part of the screen while it is pending."""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from ironcurtain_tui.ui.keymap import PREFIX, TAB_LINE, Row, display
from ironcurtain_tui.ui.neutralise import crop
from ironcurtain_tui.ui.tone import TONES, Tone, toned

COLUMN = 36
"""Cells of a column, at least."""
KEYS = 9
"""Cells of the keys in it."""


class PrefixMenu(Widget):
    """The commands in columns, read from top to bottom."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONES}

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        return min(len(_columns(width)[0]), max(1, viewport.height - 3))

    def render_line(self, y: int) -> Strip:
        base, width = self.rich_style, self.size.width
        columns = _columns(width)
        room = width // len(columns)
        segments: list[Segment] = []
        for column in columns:
            if y >= len(column):
                segments.append(Segment(" " * room, base))
                continue
            keys = " ".join(display(key) for key in column[y].keys).rjust(KEYS)
            label = menu_label(column[y], room - KEYS - 3)
            segments.append(Segment(f" {keys} ", toned(self, Tone.ACCENT, base)))
            segments.append(Segment(label + " " * (room - cell_len(keys) - 2 - cell_len(label)), base))
        return Strip(segments).adjust_cell_length(width, base)


def menu_label(row: Row, room: int) -> str:
    """What ``row`` does, in short where there is no room for all of it."""
    fits = cell_len(row.label) <= room or not row.hint
    return crop(row.label if fits else row.hint[0].upper() + row.hint[1:], room)


def _columns(width: int) -> list[tuple[Row, ...]]:
    columns = max(1, width // COLUMN)
    shown = (*PREFIX[:-1], TAB_LINE, PREFIX[-1])
    rows = -(-len(shown) // columns)
    return [shown[start : start + rows] for start in range(0, len(shown), rows)]
