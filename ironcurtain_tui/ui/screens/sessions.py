"""All sessions, running and past: open one in a tab, take up its conversation, play it, look into its log, stop it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.widgets import Static

from ironcurtain_tui.ui.figures import clock, counted
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.screens.confirm import Confirm
from ironcurtain_tui.ui.screens.keyed import KeyedScreen
from ironcurtain_tui.ui.sessions import ListedSession
from ironcurtain_tui.ui.tabs import Tabbed
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.header import tab_pieces
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList

REREAD_SECONDS = 2.0
ABOUT = "Enter opens what runs in a tab; of what has ended it takes up the conversation, or plays the recording."


class SessionList(RecordList[ListedSession]):
    """One row a session, newest first."""

    FOLLOWS = False
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("session", 12),
        Column("state", 11),
        Column("agent", 18),
        Column("started", 16, rank=1),
        Column("workspace", 0),
        Column("how it ended", 30, rank=2),
    )
    FLEXIBLE = 24
    EMPTY = "No sessions yet. Press c to start one."

    def __init__(self, tab_of: Callable[[ListedSession], int]) -> None:
        super().__init__()
        self._tab_of = tab_of

    def key(self, record: ListedSession) -> Hashable:
        return record.id

    def cells(self, record: ListedSession) -> Sequence[Cell]:
        tab = self._tab_of(record)
        if record.running:
            state = Cell(f"● tab {tab}" if tab else "● running", Tone.GOOD)
        else:
            state = Cell("↻ resumable", Tone.ACCENT) if record.resumable else Cell("■ ended", Tone.QUIET)
        agent = neutralise(record.agent_title) + (", task" if record.task else "")
        return (
            Cell(record.id, Tone.STRONG if record.running else Tone.PLAIN),
            state,
            Cell(f"{agent} *" if record.rehearsal else agent),
            Cell(time.strftime("%Y-%m-%d %H:%M", time.localtime(record.started)), Tone.QUIET),
            Cell(neutralise(record.workspace)),
            Cell("" if record.running else neutralise(record.outcome), Tone.QUIET),
        )


class SessionsScreen(KeyedScreen):
    """The list, read anew every two seconds while it is looked at. ``obey_app`` does what is about tabs."""

    CSS_PATH = screen_styles("sessions")

    def __init__(
        self,
        keymap: Keymap,
        listed: Callable[[], Sequence[ListedSession]],
        tab_of: Callable[[ListedSession], int],
        act: Callable[[Command, ListedSession | None], None],
        now: Callable[[], float],
    ) -> None:
        """``tab_of`` gives the number of the tab a session is in, 0 for none; ``act`` does what a key asks for."""
        super().__init__(keymap)
        self._listed = listed
        self._act = act
        self._now = now
        self._count = 0
        self._reading = False
        self._line = Line(id="header")
        self._list = SessionList(tab_of)

    def compose(self) -> ComposeResult:
        yield self._line
        yield Static(ABOUT, id="about", markup=False)
        yield self._list
        yield self.hints
        yield self.menu

    def on_mount(self) -> None:
        self._list.focus()
        self.set_interval(REREAD_SECONDS, self.reread)
        self.tabs_changed()
        self.reread()

    def on_screen_resume(self) -> None:
        self.tabs_changed()
        self.reread()

    @property
    def place(self) -> Place:
        return Place.SESSIONS

    def remark(self) -> str:
        return counted(self._count, "session")

    def tabs_changed(self) -> None:
        labels = self.app.tab_labels() if isinstance(self.app, Tabbed) else ()
        title = Piece(" Sessions ", Tone.STRONG)
        right = [Piece("* rehearsal", Tone.QUIET, rank=2), Piece(f"{clock(self._now())[:5]} ", Tone.QUIET, rank=1)]
        self._line.show([title, *tab_pieces(labels, self.size.width)], right)
        self._list.refresh()
        self.show_keys()

    def reread(self) -> None:
        """Show which sessions there are now, as soon as they are read."""
        if self.is_active and not self._reading:
            self._reading = True
            self.run_worker(self._read(), name="sessions")

    async def _read(self) -> None:
        try:
            known = await asyncio.to_thread(self._listed)
        finally:
            self._reading = False
        self._count = len(known)
        self._list.show(known)
        self.tabs_changed()

    def obey(self, command: Command) -> None:
        """Do what a key, the palette or a click asked for."""
        if self._list.obey(command):
            return
        chosen = self._list.selected
        if command is Command.STOP_SELECTED:
            self._ask_to_stop(chosen)
        elif command is Command.PALETTE:
            self.app.action_command_palette()
        elif command is Command.THEME:
            self.app.action_change_theme()
        else:
            self._act(command, chosen)

    @on(RecordList.Opened)
    def _opened(self, message: RecordList.Opened) -> None:
        message.stop()
        self._act(Command.DETAILS, self._list.selected)

    def _ask_to_stop(self, chosen: ListedSession | None) -> None:
        if chosen is None or not chosen.running:
            return
        question = Confirm(
            f"Stop session {chosen.id}?",
            (
                f"{chosen.agent_title} in {chosen.workspace}",
                "",
                "It ends the agent and removes its container. The workspace and the audit log stay.",
            ),
            yes="Stop the session",
            no="Keep it running",
        )
        self.app.push_screen(question, lambda yes: self._act(Command.STOP_SELECTED, chosen) if yes else None)
