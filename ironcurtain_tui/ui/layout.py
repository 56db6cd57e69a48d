"""Where the panels go: a value that says what the person arranged, and what becomes of it on a given screen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Panel(StrEnum):
    """The parts of the session screen that can have the focus."""

    AGENT = "agent"
    ESCALATIONS = "escalations"
    TRAFFIC = "traffic"
    AUDIT = "audit"


SIDE = (Panel.ESCALATIONS, Panel.TRAFFIC, Panel.AUDIT)
"""The side panels from top to bottom."""

FOLD_BELOW = (100, 24)
"""Columns and lines under which the side panels become badges in the header."""
SMALLEST = (40, 12)
"""Columns and lines under which nothing sensible can be shown."""
BARS = 2
"""Lines of header and footer."""
AGENT_WISHES = 80
"""Columns the agent's terminal keeps if the side panels can do with what is left."""
AGENT_LEAST = 40
SIDE_LEAST = 36
SIDE_PERCENT = 38
PANEL_LEAST = 3


class Fold(StrEnum):
    """How much of the screen there is room for."""

    FULL = "full"
    FOLDED = "folded"
    TOO_SMALL = "too-small"


@dataclass(frozen=True)
class Placement:
    """What is shown on one screen: widths and heights in cells."""

    fold: Fold
    agent: bool
    """Whether the agent's terminal is there."""
    side_width: int
    """Columns of the side panels, 0 when they are away."""
    heights: dict[Panel, int]
    """Lines of every side panel that is there, title line included."""


@dataclass(frozen=True)
class Arrangement:
    """What the person chose. Every method gives a new one."""

    side_width: int | None = None
    """Columns, or None for what suits the screen."""
    weights: tuple[int, int, int] = (2, 6, 4)
    """Heights of the side panels in proportion to each other."""
    hidden: frozenset[Panel] = frozenset()
    side_hidden: bool = False
    zoomed: Panel | None = None

    def place(self, width: int, height: int) -> Placement:
        """What a screen of ``width`` x ``height`` cells shows."""
        fold = _fold(width, height)
        body = max(0, height - BARS)
        if self.zoomed in SIDE:
            return Placement(fold, agent=False, side_width=width, heights={self.zoomed: body})
        shown = [panel for panel in SIDE if panel not in self.hidden]
        if fold is not Fold.FULL or self.zoomed is Panel.AGENT or self.side_hidden or not shown:
            return Placement(fold, agent=True, side_width=0, heights={})
        return Placement(fold, agent=True, side_width=self._side_width(width), heights=self._heights(shown, body))

    def zoom(self, panel: Panel) -> Arrangement:
        """``panel`` alone on the screen, or everything again when it is already."""
        return replace(self, zoomed=None if self.zoomed is panel else panel)

    def unzoom(self) -> Arrangement:
        return replace(self, zoomed=None)

    def hide(self, panel: Panel) -> Arrangement:
        """Put a side panel away."""
        return replace(self, zoomed=None, hidden=self.hidden | {panel})

    def reveal(self, panel: Panel) -> Arrangement:
        """Bring a side panel back, whatever kept it away except the size of the screen."""
        return replace(self, zoomed=None, hidden=self.hidden - {panel}, side_hidden=False)

    def bring_back(self, panel: Panel) -> Arrangement:
        """Show a side panel again if it was put away by itself; all else stays."""
        return replace(self, hidden=self.hidden - {panel})

    def toggle_side(self) -> Arrangement:
        """Put all side panels away, or bring all of them back."""
        away = self.side_hidden or self.hidden >= set(SIDE)
        return replace(self, zoomed=None, side_hidden=not away, hidden=frozenset() if away else self.hidden)

    def widen_side(self, columns: int, width: int) -> Arrangement:
        """Move the border to the side panels ``columns`` to the left (negative: right) on a screen of ``width``."""
        wished = self._side_width(width) + columns
        return replace(self, side_width=_between(SIDE_LEAST // 2, wished, width - AGENT_LEAST - 1))

    def move_top(self, panel: Panel, rows: int, height: int) -> Arrangement:
        """Move the upper edge of a side panel ``rows`` up (negative: down) on a screen of ``height``."""
        shown = [each for each in SIDE if each not in self.hidden]
        at = shown.index(panel) if panel in shown else 0
        if at == 0:
            return self
        heights = self._heights(shown, height - BARS)
        above = shown[at - 1]
        moved = _between(PANEL_LEAST - heights[panel], rows, heights[above] - PANEL_LEAST)
        heights[panel] += moved
        heights[above] -= moved
        escalations, traffic, audit = (
            heights.get(each, weight) for each, weight in zip(SIDE, self.weights, strict=True)
        )
        return replace(self, weights=(escalations, traffic, audit))

    def grow(self, panel: Panel, rows: int, height: int) -> Arrangement:
        """Make a side panel ``rows`` taller (negative: shorter); the one above pays, for the first the one below."""
        shown = [each for each in SIDE if each not in self.hidden]
        if panel not in shown or len(shown) < 2:
            return self
        if shown[0] is panel:
            return self.move_top(shown[1], -rows, height)
        return self.move_top(panel, rows, height)

    def _side_width(self, width: int) -> int:
        if self.side_width is not None:
            return _between(SIDE_LEAST // 2, self.side_width, width - AGENT_LEAST - 1)
        return max(SIDE_LEAST, min(width * SIDE_PERCENT // 100, width - AGENT_WISHES - 1))

    def _heights(self, shown: list[Panel], body: int) -> dict[Panel, int]:
        weights = {panel: weight for panel, weight in zip(SIDE, self.weights, strict=True) if panel in shown}
        total = sum(weights.values())
        heights = {panel: max(PANEL_LEAST, body * weight // total) for panel, weight in weights.items()}
        while (spare := body - sum(heights.values())) != 0:
            # what rounding left over goes to the tallest; what the minimum took comes from it
            tallest = max(heights, key=lambda panel: heights[panel])
            heights[tallest] += spare if spare > 0 else -1
        return heights


def _fold(width: int, height: int) -> Fold:
    if width < SMALLEST[0] or height < SMALLEST[1]:
        return Fold.TOO_SMALL
    if width < FOLD_BELOW[0] or height < FOLD_BELOW[1]:
        return Fold.FOLDED
    return Fold.FULL


def _between(low: int, value: int, high: int) -> int:
    return max(low, min(value, high))
