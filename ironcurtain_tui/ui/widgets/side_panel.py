"""A panel at the side: a title and what is under it."""

from __future__ import annotations

from textual.containers import Vertical
from textual.widget import Widget

from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.widgets.panel_title import PanelTitle


class SidePanel(Vertical):
    """Base of the side panels. ``target`` gets the focus."""

    def __init__(self, panel: Panel, name: str, key: str, zoom: Command) -> None:
        super().__init__(id=panel.value)
        self.panel = panel
        self.title_line = PanelTitle(panel, name, key, zoom)

    @property
    def target(self) -> Widget:
        """The widget that has the focus when this panel has."""
        raise NotImplementedError

    def on_descendant_focus(self) -> None:
        self.title_line.focus_shown(True)

    def on_descendant_blur(self) -> None:
        self.title_line.focus_shown(False)
