"""What all dialogs share: a box over the session, a title, a line of keys, Escape closes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece


class Dialog[T](ModalScreen[T]):
    """A box in the middle of the screen."""

    CSS_PATH = screen_styles("dialog")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]
    KEYS: ClassVar[tuple[str, ...]] = ("Esc close",)

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = neutralise(title)

    def body(self) -> Iterable[Widget]:
        """What is in the box."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(self._title, id="title", markup=False)
            yield from self.body()
            keys = Line(id="keys")
            keys.show([Piece(key, Tone.QUIET) for key in self.KEYS])
            yield keys

    def action_leave(self) -> None:
        """Close, with nothing decided."""
        self.dismiss(None)
