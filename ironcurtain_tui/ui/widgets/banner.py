"""What happened to the session and what to do now, in words that cannot be overlooked."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from ironcurtain_tui.ui.neutralise import neutralise


class Banner(Static):
    """Hidden until there is something to say."""

    def __init__(self) -> None:
        super().__init__(markup=False)

    def say(self, what: str, remedy: str, alarm: bool) -> None:
        """``alarm``: it was not meant to end like this."""
        self.set_class(alarm, "-alarm")
        self.add_class("-shown")
        text = Text(("✗ " if alarm else "■ ") + neutralise(what), style="bold")
        if remedy:
            text.append(f"\n  {neutralise(remedy)}", style="not bold")
        self.update(text)
