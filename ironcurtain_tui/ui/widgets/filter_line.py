"""The input line that narrows a list."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.widgets import Input


class FilterLine(Input):
    """A one-line input that leaves the keys of ours to the screen."""

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        super().__init__(placeholder="show only lines that contain ...", compact=True)
        self._is_reserved = is_reserved

    def on_key(self, event: events.Key) -> None:
        if self._is_reserved(event.key):
            event.prevent_default()  # keeps it from Input, and lets it bubble to the screen
