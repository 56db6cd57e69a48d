"""The line between the agent's terminal and the side panels."""

from __future__ import annotations

from rich.segment import Segment
from textual.strip import Strip

from ironcurtain_tui.ui.widgets.drag import DragHandle


class Splitter(DragHandle):
    """A vertical line, one cell wide, that moves when it is dragged."""

    def render_line(self, y: int) -> Strip:  # noqa: ARG002 - every line is the same
        return Strip([Segment("┃" if self.has_class("-dragging") else "│", self.rich_style)], 1)
