"""Every standing permission of the session: what it covers, what is left of it, what lives on it; and its end."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from ironcurtain_tui.control.messages import ClientMessage, Revoke
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import Grant
from ironcurtain_tui.ui.figures import clock, countdown
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.confirm import Confirm
from ironcurtain_tui.ui.screens.keyed import CoveringScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.doors_banner import DoorsBanner
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList

HELP = "What you allowed beyond the policy, until it runs out or you take it back. Revoking cuts the connections on it."


class GrantList(RecordList[Grant]):
    """One row a grant."""

    FOLLOWS = False
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("covers", 0),
        Column("left", 24),
        Column("live", 6, right=True),
        Column("given", 8, rank=1),
    )
    FLEXIBLE = 24
    EMPTY = "No grants: everything goes by the policy."

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def key(self, record: Grant) -> Hashable:
        return record.id

    def cells(self, record: Grant) -> Sequence[Cell]:
        live = f"● {record.connections:,}" if record.connections else ""
        return (
            Cell(neutralise(record.covers)),
            Cell(left(record, self._now()), Tone.ACCENT),
            Cell(live, Tone.WARN),
            Cell(clock(record.given), Tone.QUIET),
        )


def left(grant: Grant, now: float) -> str:
    """How long, or how often, a grant still holds."""
    parts = []
    if grant.expires is not None:
        parts.append(countdown(grant.expires - now))
    if grant.uses_left is not None:
        parts.append(f"{grant.uses_left:,} use{'' if grant.uses_left == 1 else 's'}")
    return ", ".join(parts) or "until the session ends"


class GrantsScreen(CoveringScreen):
    """The list, kept up to date."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        send: Callable[[ClientMessage], None],
        now: Callable[[], float],
    ) -> None:
        super().__init__(keymap, session, session_obeys)
        self._send = send
        self._now = now
        self._header = SessionHeader(id="header")
        self._doors = DoorsBanner(keymap.prefix)
        self._list = GrantList(now)
        self._count = 0

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._doors
        yield Static(HELP, id="about", markup=False)
        yield self._list
        yield self.hints
        yield self.menu

    def on_mount(self) -> None:
        self._list.focus()
        self.refresh_content()

    @property
    def place(self) -> Place:
        return Place.GRANTS

    def remark(self) -> str:
        return f"{self._count:,} grants in force"

    def refresh_content(self) -> None:
        session = self._session
        self._count = len(session.grants)
        self._list.show(session.grants)
        self._header.update(session, self._now(), folded=False, unread=0)
        self._doors.show(session.doors)
        self.show_keys()

    def obey(self, command: Command) -> None:
        if self._list.obey(command):
            return
        match command:
            case Command.REVOKE:
                if self._list.selected is not None:
                    self._send(Revoke(grant=self._list.selected.id))
            case Command.REVOKE_ALL:
                self._ask_to_revoke_all()
            case Command.BACK | Command.GRANTS:
                self.dismiss()
            case _:
                self.elsewhere(command)

    def _ask_to_revoke_all(self) -> None:
        if not self._count:
            return
        question = Confirm(
            f"Revoke all {self._count} grants?",
            ("Everything goes by the policy again, and the connections that rest on grants are cut.",),
            yes="Revoke all",
            no="Keep them",
        )
        self.app.push_screen(question, lambda yes: self._send(Revoke()) if yes else None)
