"""What waits for the person. Filled by a later issue; until then it says that nothing does."""

from __future__ import annotations

from rich.text import Text
from textual.app import ComposeResult
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.widgets.side_panel import SidePanel


class NothingWaits(Static, can_focus=True):
    """The empty queue."""


class EscalationsPanel(SidePanel):
    """The queue of held actions."""

    def __init__(self) -> None:
        super().__init__(Panel.ESCALATIONS, "Escalations", "f2", Command.ZOOM_ESCALATIONS)
        self._empty = NothingWaits(Text("Nothing waits for you. Approvals appear here."))

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield self._empty

    @property
    def target(self) -> Widget:
        return self._empty
