"""One line of pieces: the header, the footer and every panel's title."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.neutralise import crop
from ironcurtain_tui.ui.tone import TONES, Tone, toned


@dataclass(frozen=True)
class Piece:
    """A word or two on a line. ``text`` must be safe to draw."""

    text: str
    tone: Tone = Tone.PLAIN
    command: Command | None = None
    """What a click does."""
    tooltip: str = ""
    rank: int = 0
    """When there is no room, the piece with the highest rank goes first; 0 stays."""


class CommandChosen(Message):
    """Somebody clicked on something that stands for a command."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self.command = command


def fit(left: Sequence[Piece], right: Sequence[Piece], width: int, gap: int) -> tuple[list[Piece], list[Piece]]:
    """The pieces that have room on ``width`` cells, ``gap`` cells apart; if no rank can go, the longest is cropped."""
    left, right = list(left), list(right)

    def taken() -> int:
        pieces = [*left, *right]
        return sum(cell_len(piece.text) for piece in pieces) + gap * max(0, len(pieces) - 1)

    while taken() > width and (droppable := [piece for piece in (*left, *right) if piece.rank]):
        worst = max(droppable, key=lambda piece: piece.rank)
        (left if worst in left else right).remove(worst)
    if left and (over := taken() - width) > 0:
        longest = max(left, key=lambda piece: cell_len(piece.text))
        at = left.index(longest)
        left[at] = replace(longest, text=crop(longest.text, max(1, cell_len(longest.text) - over)))
    return left, right


class Line(Widget):
    """Pieces from the left, pieces from the right, and in between ``fill``."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONES, "line--fill"}
    fill = " "
    gap = "  "

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self._left: tuple[Piece, ...] = ()
        self._right: tuple[Piece, ...] = ()
        self._spans: list[tuple[int, int, Piece]] = []

    def show(self, left: Sequence[Piece], right: Sequence[Piece] = ()) -> None:
        """Replace what the line says."""
        if (tuple(left), tuple(right)) != (self._left, self._right):
            self._left, self._right = tuple(left), tuple(right)
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        if y:
            return Strip.blank(width, base)
        left, right = fit(self._left, self._right, width, len(self.gap))
        filling = toned(self, "line--fill", base)
        self._spans = []
        segments: list[Segment] = []
        x = 0
        for index, piece in enumerate([*left, *right]):
            between = self.gap if index else ""
            if index == len(left):
                after = sum(cell_len(each.text) for each in right) + len(self.gap) * (len(right) - 1)
                between = self.fill * max(0, width - x - after)
            x += len(between)
            end = x + cell_len(piece.text)
            segments.append(Segment(between, filling))
            segments.append(Segment(piece.text, toned(self, piece.tone, base)))
            self._spans.append((x, end, piece))
            x = end
        segments.append(Segment(self.fill * max(0, width - x), filling))
        return Strip(segments).crop(0, width)

    def piece_at(self, x: int) -> Piece | None:
        """What is drawn in column ``x``."""
        return next((piece for start, end, piece in self._spans if start <= x < end), None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        piece = self.piece_at(event.x)
        self.tooltip = piece.tooltip if piece and piece.tooltip else None

    def on_click(self, event: events.Click) -> None:
        piece = self.piece_at(event.x)
        if piece is not None and piece.command is not None:
            event.stop()
            self.post_message(CommandChosen(piece.command))
