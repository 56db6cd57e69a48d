"""The list from which several held actions are chosen. Choosing answers nothing: their cards are read first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.widgets import Static

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import Escalation
from ironcurtain_tui.ui.figures import countdown
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.keyed import CoveringScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.doors_banner import DoorsBanner
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList

HELP = (
    "Mark what you want to answer together, then press Enter: all marked cards are shown in full, one below the "
    "other. Approving them needs all of it read, and a second key. Risky ones are never approved together."
)


class MarkList(RecordList[Escalation]):
    """One row a pending action, with its mark."""

    FOLLOWS = False
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("", 3),
        Column("left", 5, right=True),
        Column("risk", 7),
        Column("what", 0),
        Column("why it was held", 40, rank=1),
    )
    FLEXIBLE = 30
    EMPTY = "Nothing waits for you."

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now
        self.marked: set[str] = set()

    def key(self, record: Escalation) -> Hashable:
        return record.id

    def cells(self, record: Escalation) -> Sequence[Cell]:
        marked = record.id in self.marked
        return (
            Cell("[x]" if marked else "[ ]", Tone.ACCENT if marked else Tone.QUIET),
            Cell(countdown(record.deadline - self._now()), Tone.PLAIN),
            Cell("▲ risky" if record.card.risky else "", Tone.WARN),
            Cell(neutralise(record.card.title), Tone.STRONG if marked else Tone.PLAIN),
            Cell(neutralise(record.card.reason), Tone.QUIET),
        )


class ReviewScreen(CoveringScreen):
    """Gives the chosen ones to ``chosen`` and closes."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        chosen: Callable[[tuple[Escalation, ...]], None],
        now: Callable[[], float],
    ) -> None:
        super().__init__(keymap, session, session_obeys)
        self._chosen = chosen
        self._now = now
        self._pending: dict[str, Escalation] = {}
        self._header = SessionHeader(id="header")
        self._doors = DoorsBanner(keymap.prefix)
        self._about = Static(id="about", markup=False)
        self._list = MarkList(now)

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._doors
        yield self._about
        yield self._list
        yield self.hints
        yield self.menu

    def on_mount(self) -> None:
        self._list.focus()
        self.refresh_content()

    @property
    def place(self) -> Place:
        return Place.REVIEW

    def refresh_content(self) -> None:
        session = self._session
        self._pending = dict(session.pending)
        self._list.marked &= self._pending.keys()
        self._list.show(tuple(self._pending.values()))
        self._header.update(session, self._now(), folded=False, unread=0)
        self._doors.show(session.doors)
        self._count()

    def obey(self, command: Command) -> None:
        if self._list.obey(command):
            return
        match command:
            case Command.MARK:
                self._mark()
            case Command.MARK_ALL:
                calm = {each.id for each in self._pending.values() if not each.card.risky}
                self._list.marked = set() if self._list.marked == calm else calm
            case Command.READ_MARKED:
                chosen = tuple(each for each in self._pending.values() if each.id in self._list.marked)
                if chosen:
                    self.dismiss()
                    self._chosen(chosen)
            case Command.BACK:
                self.dismiss()
            case _:
                self.elsewhere(command)
        self._list.refresh()
        self._count()

    def _count(self) -> None:
        self._about.update(f"{len(self._list.marked):,} of {len(self._pending):,} marked. {HELP}")

    def _mark(self) -> None:
        if self._list.selected is not None:
            self._list.marked ^= {self._list.selected.id}
            self._list.move(1)
