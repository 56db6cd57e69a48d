"""The keys of a browser, and the language of its filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.ui.screens.dialog import Dialog

Sections = Sequence[tuple[str, Sequence[tuple[str, str]]]]


class BrowserHelp(Dialog[None]):
    """Headings, and under each lines of a name and its meaning."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("f1,question_mark", "leave", show=False),
    ]
    KEYS = ("Esc close", "j k scroll")

    def __init__(self, title: str, sections: Sections) -> None:
        super().__init__(f"Help: {title}")
        self._sections = sections

    def body(self) -> Iterable[Widget]:
        parts: list[Text | Table] = []
        for heading, lines in self._sections:
            table = Table.grid(padding=(0, 2))
            table.add_column(width=24)
            table.add_column(overflow="fold")
            for name, meaning in lines:
                table.add_row(Text(f"  {name}", style="bold"), Text(meaning))
            parts += [Text(heading, style="bold underline"), table, Text("")]
        with VerticalScroll(id="content"):
            yield Static(Group(*parts))

    def action_scroll(self, rows: int) -> None:
        """Move the content by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)
