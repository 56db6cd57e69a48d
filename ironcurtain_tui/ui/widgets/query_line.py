"""The input line of a browser's filter, and what is wrong with what was typed."""

from __future__ import annotations

from textual.widgets import Input


class QueryLine(Input):
    """One line; red while the filter cannot be understood."""

    def __init__(self, example: str, value: str = "") -> None:
        super().__init__(value, placeholder=f"filter, e.g. {example}", compact=True, select_on_focus=False)

    def say(self, wrong: str) -> None:
        """Show whether the filter is understood; ``wrong`` empty: it is."""
        self.set_class(bool(wrong), "-wrong")
