"""How far the start has come, in the place where the agent's screen will be."""

from __future__ import annotations

from collections.abc import Iterable

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from ironcurtain_tui.events import StepChanged
from ironcurtain_tui.ui.figures import duration
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.words import BADGE


class StepLine(Line):
    """One step: symbol, name, detail, time."""

    def __init__(self, step: StepChanged) -> None:
        super().__init__()
        self.tell(step)

    def tell(self, step: StepChanged) -> None:
        sign = BADGE[step.state]
        left = [Piece(sign.symbol, sign.tone), Piece(neutralise(step.step))]
        if step.detail:
            left.append(Piece(neutralise(step.detail), Tone.QUIET))
        self.show(left, [Piece("..." if step.ms is None else duration(step.ms), Tone.QUIET)])


class StartSteps(VerticalScroll, can_focus=False):
    """The list of steps under a heading."""

    def __init__(self) -> None:
        super().__init__(id="steps")
        self._lines: dict[str, StepLine] = {}

    def update(self, heading: str, steps: Iterable[StepChanged]) -> None:
        """Show ``steps`` in their order; ``heading`` is untrusted."""
        if not self.is_mounted:
            return
        self.query_one(Static).update(Text(neutralise(heading)))
        for step in steps:
            if line := self._lines.get(step.step):
                line.tell(step)
            else:
                self._lines[step.step] = line = StepLine(step)
                self.mount(line)

    def compose(self) -> Iterable[Static]:
        yield Static(markup=False)
