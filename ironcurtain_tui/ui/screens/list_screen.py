"""What the screens share that show a list over a session: header, banner, a sentence about it, the list, its keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from textual.app import ComposeResult
from textual.widgets import Static

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.ui.keymap import Command, Keymap
from ironcurtain_tui.ui.screens.keyed import CoveringScreen
from ironcurtain_tui.ui.widgets.doors_banner import DoorsBanner
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.record_list import RecordList


class ListScreen(CoveringScreen):
    """Keeps ``records`` up to date."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        now: Callable[[], float],
        records: RecordList[Any],
    ) -> None:
        super().__init__(keymap, session, session_obeys)
        self._now = now
        self._records = records
        self._header = SessionHeader(id="header")
        self._doors = DoorsBanner(keymap.prefix)
        self._about = Static(id="about", markup=False)

    @abstractmethod
    def fill(self) -> str:
        """Show what the session has now in the list; what is to be said about it."""

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._doors
        yield self._about
        yield self._records
        yield self.hints
        yield self.menu

    def on_mount(self) -> None:
        self._records.focus()
        self.refresh_content()

    def refresh_content(self) -> None:
        self._about.update(self.fill())
        self._header.update(self._session, self._now(), folded=False, unread=0)
        self._doors.show(self._session.doors)
        self.show_keys()
