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

TALLEST = 0.9
"""Of the screen, for a box."""


class Dialog[T](ModalScreen[T]):
    """A box in the middle of the screen."""

    CSS_PATH = screen_styles("dialog")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", show=False)]
    KEYS: ClassVar[tuple[str, ...]] = ("Esc close",)
    AROUND: ClassVar[int] = 6
    """Lines of the box that are not its content: the border; title and keys, each with a blank line."""

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

    def on_resize(self) -> None:
        """Long content scrolls, and does not push the keys out of the box."""
        for content in self.query("#content"):
            content.styles.max_height = max(1, int(self.size.height * TALLEST) - self.AROUND)

    def action_leave(self) -> None:
        """Close, with nothing decided."""
        self.dismiss(None)
