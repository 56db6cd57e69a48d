"""A question with two answers; the safe one has the focus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Button, Static

from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.dialog import Dialog


class Confirm(Dialog[bool]):
    """True when the person chose ``yes``, False or None when not. ``lines`` are untrusted."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n", "answer(False)", show=False),
        Binding("left,right", "app.focus_next", show=False),
    ]
    KEYS = ("y yes", "n no", "Tab choose", "Esc close")
    AROUND = 8

    def __init__(self, title: str, lines: Iterable[str], yes: str, no: str) -> None:
        super().__init__(title)
        self._lines = [neutralise(line) for line in lines]
        self._yes, self._no = yes, no

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="content", can_focus=False):
            yield Static(Text("\n".join(self._lines), overflow="fold"))
        with Horizontal(id="answers"):
            yield Button(self._no, id="no", compact=True)
            yield Button(self._yes, id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, message: Button.Pressed) -> None:
        self.dismiss(message.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer by key."""
        self.dismiss(yes)
