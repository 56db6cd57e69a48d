"""Every standing permission of the session: what it covers, what is left of it, what lives on it; and its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Sequence
from typing import ClassVar

from ironcurtain_tui.control.messages import ClientMessage, Revoke
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import Grant
from ironcurtain_tui.ui.figures import clock, countdown, counted
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.confirm import Confirm
from ironcurtain_tui.ui.screens.list_screen import ListScreen
from ironcurtain_tui.ui.tone import Tone
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


class GrantsScreen(ListScreen):
    """All grants. ``send`` takes what is to be revoked."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        send: Callable[[ClientMessage], None],
        now: Callable[[], float],
    ) -> None:
        self._list = GrantList(now)
        super().__init__(keymap, session, session_obeys, now, self._list)
        self._send = send

    @property
    def place(self) -> Place:
        return Place.GRANTS

    def remark(self) -> str:
        return f"{counted(len(self._session.grants), 'grant')} in force"

    def idle(self) -> Collection[Command]:
        return () if self._session.grants else (Command.REVOKE, Command.REVOKE_ALL)

    def fill(self) -> str:
        self._list.show(self._session.grants)
        return HELP

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
        if not self._session.grants:
            return
        question = Confirm(
            f"Revoke all {len(self._session.grants)} grants?",
            ("Everything goes by the policy again, and the connections that rest on grants are cut.",),
            yes="Revoke all",
            no="Keep them",
        )
        self.app.push_screen(question, lambda yes: self._send(Revoke()) if yes else None)
