"""All that was said in toasts, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Table
from rich.text import Text
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.events import Notice
from ironcurtain_tui.ui.figures import clock
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.dialog import Dialog
from ironcurtain_tui.ui.words import BADGE


class Notices(Dialog[None]):
    """Time, how grave, what, and what to do about it."""

    def __init__(self, notices: Sequence[Notice]) -> None:
        super().__init__("Notices")
        self._notices = notices

    def body(self) -> Iterable[Widget]:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for notice in reversed(self._notices):
            sign = BADGE[notice.level]
            text = Text(f"{sign.symbol} {neutralise(notice.text)}")
            if notice.remedy:
                text.append(f"\n  {neutralise(notice.remedy)}", style="dim")
            table.add_row(Text(clock(notice.time), style="dim"), text)
        with VerticalScroll(id="content"):
            yield Static(table if self._notices else "No notices yet.")
