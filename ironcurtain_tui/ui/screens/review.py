"""The list from which several held actions are chosen. Choosing answers nothing: their cards are read first."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import Escalation
from ironcurtain_tui.ui.figures import countdown
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.list_screen import ListScreen
from ironcurtain_tui.ui.tone import Tone
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
            Cell(countdown(record.left(self._now())), Tone.PLAIN),
            Cell("▲ risky" if record.card.risky else "", Tone.WARN),
            Cell(neutralise(record.card.title), Tone.STRONG if marked else Tone.PLAIN),
            Cell(neutralise(record.card.reason), Tone.QUIET),
        )


class ReviewScreen(ListScreen):
    """Gives the chosen ones to ``chosen`` and closes."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        chosen: Callable[[tuple[Escalation, ...]], None],
        now: Callable[[], float],
    ) -> None:
        self._list = MarkList(now)
        super().__init__(keymap, session, session_obeys, now, self._list)
        self._chosen = chosen
        self._pending: dict[str, Escalation] = {}

    @property
    def place(self) -> Place:
        return Place.REVIEW

    def fill(self) -> str:
        self._pending = dict(self._session.pending)
        self._list.marked &= self._pending.keys()
        self._list.show(tuple(self._pending.values()))
        self._list.refresh()
        return f"{len(self._list.marked):,} of {len(self._pending):,} marked. {HELP}"

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
        self.refresh_content()

    def _mark(self) -> None:
        if self._list.selected is not None:
            self._list.marked ^= {self._list.selected.id}
            self._list.move(1)
