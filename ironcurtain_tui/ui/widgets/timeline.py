"""A recording's time as one line: how far it has come, where its markers are; a click goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ironcurtain_tui.ui.tone import TONES, Tone, toned

PLAYED, TO_COME, MARKER, HERE = "━", "─", "◆", "●"


def place(second: float, duration: float, cells: int) -> int:
    """The cell that stands for a second."""
    return min(max(0, round(second / duration * (cells - 1))), cells - 1) if duration > 0 else 0


class Timeline(Widget):
    """One line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = set(TONES)

    class Chosen(Message):
        """Somebody pointed at a second."""

        def __init__(self, second: float) -> None:
            super().__init__()
            self.second = second

    def __init__(self) -> None:
        super().__init__()
        self._duration = 0.0
        self._position = 0.0
        self._markers: Sequence[float] = ()

    def show(self, position: float, duration: float, markers: Sequence[float]) -> None:
        """Draw anew; all in seconds."""
        if (position, duration, len(markers)) != (self._position, self._duration, len(self._markers)):
            self._position, self._duration, self._markers = position, duration, markers
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if y or not width:
            return Strip.blank(width, base)
        here = place(self._position, self._duration, width)
        marked = {place(one, self._duration, width) for one in self._markers}
        segments = []
        for cell in range(width):
            if cell == here:
                sign, tone = HERE, Tone.ACCENT
            elif cell in marked:
                sign, tone = MARKER, Tone.WARN
            else:
                sign, tone = (PLAYED, Tone.PLAIN) if cell < here else (TO_COME, Tone.QUIET)
            segments.append(Segment(sign, toned(self, tone, base)))
        return Strip(segments, width)

    def on_click(self, event: events.Click) -> None:
        if self.size.width > 1:
            self.post_message(self.Chosen(event.x / (self.size.width - 1) * self._duration))
