"""The flows of a session that is played back; the one of this second is marked."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.message import Message

from ironcurtain_tui.events import Flow
from ironcurtain_tui.ui.widgets.traffic import TrafficList


class FlowsAlong(TrafficList):
    """``show_flows`` them; ``select_at`` moves along."""

    FOLLOWS: ClassVar[bool] = False
    EMPTY = "No traffic."

    class Clicked(Message):
        """A flow was selected with the mouse."""

    def __init__(self) -> None:
        super().__init__()
        self._clocks: dict[str, int] = {}
        self._seconds: Sequence[float] = ()
        self._begun = False

    def show_flows(self, flows: Sequence[tuple[Flow, int]], seconds: Sequence[float]) -> None:
        """List ``flows`` with their monotonic clocks; ``seconds`` of the recording at which each began, ascending."""
        self._clocks = {flow.id: clock for flow, clock in flows}
        self._seconds = seconds
        self.show([flow for flow, _ in flows])

    @property
    def moment(self) -> tuple[int, int] | None:
        """Wall clock and monotonic clock (microseconds) of the selected flow's beginning."""
        flow = self.selected
        return None if flow is None else (round(flow.started * 1e6), self._clocks.get(flow.id, 0))

    def select_at(self, second: float) -> None:
        """Move the selection to the last flow that had begun by then."""
        begun = bisect_right(self._seconds, second + 1e-6)
        if (begun > 0) != self._begun or max(0, begun - 1) != self._cursor:
            self._begun = begun > 0
            self._go(max(0, begun - 1))

    def shows_cursor(self) -> bool:
        return self._begun

    def on_click(self, event: events.Click) -> None:
        if event.y >= self._heads:
            self.post_message(self.Clicked())  # RecordList's own handler, called too, selects
