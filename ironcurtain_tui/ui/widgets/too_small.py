"""Said instead of the screen when there is no room for one."""

from __future__ import annotations

from textual.widgets import Static

from ironcurtain_tui.ui.layout import SMALLEST


class TooSmall(Static):
    """Covers everything; the session goes on underneath."""

    def tell(self, width: int, height: int) -> None:
        needed = f"{SMALLEST[0]} x {SMALLEST[1]}"
        self.update(f"Terminal too small\n{width} x {height}, needs {needed}.\nThe agent keeps running.")
