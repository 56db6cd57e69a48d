"""Decisions over time: a count and a sparkline for each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Sparkline, Static

from ironcurtain_tui.events import Decision
from ironcurtain_tui.ui.figures import count
from ironcurtain_tui.ui.words import DECISION

SHOWN = (Decision.ALLOW, Decision.ESCALATE, Decision.DENY)


class DecisionsChart(Horizontal):
    """One line: allowed, asked, denied, from the oldest to the newest record that is listed."""

    def __init__(self) -> None:
        super().__init__()
        self._labels = {one: Static(classes=f"count -{one}", markup=False) for one in SHOWN}
        self._lines = {one: Sparkline(summary_function=max, classes=f"-{one}") for one in SHOWN}

    def compose(self) -> ComposeResult:
        for one in SHOWN:
            yield self._labels[one]
            yield self._lines[one]

    def show(self, counts: Mapping[str, int], series: Mapping[str, Sequence[int]]) -> None:
        """Replace what is drawn."""
        for one in SHOWN:
            self._labels[one].update(f" {DECISION[one]} {count(counts.get(one, 0))} ")
            self._lines[one].data = list(series.get(one, ()))
