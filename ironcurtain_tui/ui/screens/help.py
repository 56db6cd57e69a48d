"""All keys by context, and what the signs mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.events import Badge
from ironcurtain_tui.ui.keymap import Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.dialog import Dialog
from ironcurtain_tui.ui.widgets.header import REHEARSAL
from ironcurtain_tui.ui.words import BADGE, DECISION, DECISION_MEANING, STATUS, STATUS_MEANING

ABOUT = (
    "The agent runs in a container without a network. It has two doors, and both are on this side: the proxy, which "
    "lets through what the policy allows and puts in the real key, and the tool gateway. The terminal at the left is "
    "the agent's own. What stands around it is written by us, from what went over the wire."
)
LISTS = (
    ("✓ 200", "Allowed, and the server answered so"),
    ("▲ 404", "Allowed, and the server answered with an error"),
    ("↓ 200", "The answer is still streaming"),
    ("◌ open", "Allowed, no answer yet"),
    ("= 200", "Answered on this machine; nothing left it"),
    ("◆ held", "Waits for you (F2); nothing has left this machine"),
    ("✗ refused", "Not allowed, or not to be reached; nothing left this machine"),
    ("✗ error", "Allowed, but the connection failed"),
)
AUDIT = (
    *((str(sign), DECISION_MEANING[decision]) for decision, sign in DECISION.items()),
    ("·", "Nothing was decided: what happened, and signatures of the log"),
)


class Help(Dialog[None]):
    """One long page. The keys of ``here`` stand first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("pagedown,space", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("f1,question_mark", "leave", show=False),
    ]
    KEYS = ("Esc close", "j k PgUp PgDn scroll")

    def __init__(self, keymap: Keymap, badges: Iterable[Badge], rehearsal: bool, here: Place) -> None:
        super().__init__("Help")
        self._keymap = keymap
        self._badges = tuple(badges)
        self._rehearsal = rehearsal
        self._here = here

    def body(self) -> Iterable[Widget]:
        parts: list[Text | Table] = [Text(ABOUT)]
        for heading, lines in self._keymap.sections(self._here):
            parts += _section(heading, lines)
        parts += _section("Badges of this session", self._badge_lines())
        parts += _section(
            "What the session does", [(str(sign), STATUS_MEANING[status]) for status, sign in STATUS.items()]
        )
        parts += _section("In the traffic", LISTS)
        parts += _section("In the audit log", AUDIT)
        with VerticalScroll(id="content"):
            yield Static(Group(*parts))

    def action_scroll(self, rows: int) -> None:
        """Move the content by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def action_page(self, pages: int) -> None:
        """Move the content by pages."""
        content = self.query_one(VerticalScroll)
        content.scroll_relative(y=pages * max(1, content.size.height - 1), animate=False)

    def _badge_lines(self) -> list[tuple[str, str]]:
        lines = [("REHEARSAL", REHEARSAL)] if self._rehearsal else []
        for badge in self._badges:
            sign = BADGE[badge.state]
            lines.append((f"{sign.symbol} {neutralise(badge.text)}", neutralise(badge.detail) or sign.word))
        lines.append(("tok, $", "Tokens and list price of all model calls that the traffic panel holds"))
        return lines


def _section(heading: str, lines: Iterable[tuple[str, str]]) -> list[Text | Table]:
    table = Table.grid(padding=(0, 2))
    table.add_column(width=18, no_wrap=True)
    table.add_column(overflow="fold")
    for name, meaning in lines:
        table.add_row(Text(f"  {name}", style="bold"), Text(meaning))
    return [Text(f"\n{heading}", style="bold underline"), table]
