"""The top edge of a panel: its name, what is in it, and the handle by which it is resized."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.message import Message

from ironcurtain_tui.ui.keymap import Command, display
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.drag import DragHandle
from ironcurtain_tui.ui.widgets.line import Line, Piece


class PanelTitle(Line, DragHandle):
    """``── Traffic ───── 12 flows ── F3 ──``. Thick and bright while its panel has the focus."""

    fill = gap = "─"

    class Chosen(Message):
        """The title was clicked; twice in a row means full screen."""

        def __init__(self, panel: Panel, times: int) -> None:
            super().__init__()
            self.panel = panel
            self.times = times

    def __init__(self, panel: Panel, name: str, key: str = "", zoom: Command | None = None) -> None:
        super().__init__()
        self.panel = panel
        self._label = neutralise(name)
        self._key = Piece(f" {display(key)} ", Tone.QUIET, zoom, "Full screen and back") if key else None
        self._subtitle = ""
        self._notes: tuple[Piece, ...] = ()
        self._focused = False
        self._compose_line()

    def name_it(self, name: str) -> None:
        """Change the panel's name, untrusted."""
        self._label = neutralise(name)
        self._compose_line()

    def describe(self, notes: Sequence[Piece] = (), subtitle: str = "") -> None:
        """What stands at the right, and an untrusted ``subtitle`` beside the name."""
        self._notes = tuple(notes)
        self._subtitle = neutralise(subtitle)
        self._compose_line()

    def focus_shown(self, focused: bool) -> None:
        """Show whether the panel has the keys."""
        self._focused = focused
        self.set_class(focused, "-focused")
        self.fill = self.gap = "━" if focused else "─"
        self._compose_line()
        self.refresh()

    def _compose_line(self) -> None:
        name = Piece(f" {self._label} ", Tone.ACCENT if self._focused else Tone.STRONG)
        edge = Piece("")
        left = [edge, name]
        if self._subtitle:
            left.append(Piece(f" {self._subtitle} ", Tone.QUIET))
        self.show(left, [*self._notes, *([self._key] if self._key else []), edge])

    def on_click(self, event: events.Click) -> None:
        piece = self.piece_at(event.x)
        if piece is None or piece.command is None:
            self.post_message(self.Chosen(self.panel, event.chain))
