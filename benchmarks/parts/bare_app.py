"""The smallest Textual app: one word on the screen."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class BareApp(App[None]):
    """Shows that it is there."""

    def compose(self) -> ComposeResult:
        yield Static("painted")


if __name__ == "__main__":
    BareApp().run()
