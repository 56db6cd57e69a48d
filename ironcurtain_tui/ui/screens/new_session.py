"""What a new session is to be: on which directory, with which agent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Button, Input, Label, RadioButton, RadioSet, Static

from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.screens.dialog import Dialog


@dataclass(frozen=True)
class Wanted:
    """The person's choice."""

    workspace: Path
    agent: str


class AgentButton(RadioButton):
    """A radio button that says by more than its colour whether it is chosen."""

    def on_mount(self) -> None:
        self._say()

    def watch_value(self) -> None:
        self._say()
        super().watch_value()

    def _say(self) -> None:
        self.BUTTON_INNER = "●" if self.value else " "


class NewSession(Dialog[Wanted]):
    """Gives a Wanted, or None."""

    CSS_PATH = screen_styles("dialog", "sessions")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False, priority=True)]
    KEYS = ("Tab moves on", "Enter starts", "Esc leaves")

    def __init__(self, directory: str, agents: Sequence[str], agent: str = "") -> None:
        super().__init__("Start another session")
        self._directory = directory
        self._agents = agents
        self._agent = agent

    def body(self) -> Iterable[Widget]:
        yield Label("The directory the agent is to work in:")
        yield Input(self._directory, id="directory", compact=True)
        yield Static("", id="wrong", markup=False)
        yield Label("Agent:")
        with RadioSet(id="agents", compact=True):
            for name in self._agents:
                yield AgentButton(name, value=name == (self._agent or self._agents[0]), compact=True)
        with Horizontal(id="answers"):
            yield Button("Cancel", id="no", compact=True)
            yield Button("Start", id="yes", variant="primary", compact=True)

    def on_mount(self) -> None:
        self.query_one("#directory", Input).focus()

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self._start()

    def on_button_pressed(self, message: Button.Pressed) -> None:
        if message.button.id == "yes":
            self._start()
        else:
            self.dismiss(None)

    def _start(self) -> None:
        place = Path(self.query_one("#directory", Input).value.strip()).expanduser()
        if not place.is_absolute() or not place.is_dir():
            why = "It must begin with / or ~." if not place.is_absolute() else "There is no such directory."
            self.query_one("#wrong", Static).update(why)
            return
        chosen = self.query_one(RadioSet).pressed_index
        self.dismiss(Wanted(place, self._agents[max(0, chosen)]))
