"""Says that the doors are not open, and how to go on. Hidden while they are."""

from __future__ import annotations

from textual.widgets import Static

from ironcurtain_tui.events import DoorState
from ironcurtain_tui.ui.keymap import display

WORDS = {
    DoorState.PAUSED: "▲ PAUSED: nothing goes in or out, streams stand still, no question runs out.\n"
    "  {prefix} o opens them again.   {prefix} K cuts the session off for good.",
    DoorState.CUT: "✗ CUT OFF: both doors are shut for good. The agent still runs, but reaches nothing any more.\n"
    "  {prefix} x stops the session.   A new session starts with open doors.",
}
LINES = 2


class DoorsBanner(Static):
    """Two lines across the screen."""

    def __init__(self, prefix: str) -> None:
        super().__init__(markup=False)
        self._prefix = display(prefix)
        self.display = False

    @property
    def lines(self) -> int:
        """Lines of the screen it takes."""
        return LINES if self.display else 0

    def show(self, doors: DoorState) -> bool:
        """Say how the doors stand; True when that changed what is shown."""
        words = WORDS.get(doors, "").format(prefix=self._prefix)
        changed = self.display != bool(words)
        self.display = bool(words)
        self.set_class(doors is DoorState.CUT, "-cut")
        self.update(words)
        return changed
