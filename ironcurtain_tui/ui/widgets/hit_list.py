"""A list of audit records that were found, of which only what is in view is in memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import ClassVar, overload

from textual import events
from textual.message import Message

from ironcurtain_tui.audit.index import TIME_SHIFT, Hit, time_of
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList
from ironcurtain_tui.ui.words import DECISION

KEPT = 4096
"""Records kept in memory."""
AHEAD = 96
"""Records read before and after those in view."""


class Window(Sequence[Hit | None]):
    """All hits as a sequence; None stands for one that has to be read first."""

    def __init__(self, kept: OrderedDict[int, Hit], ids: array[int]) -> None:
        self.ids = ids
        self._kept = kept

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, place: int) -> Hit | None: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Hit | None]: ...
    def __getitem__(self, place: int | slice) -> Hit | Sequence[Hit | None] | None:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        return self._kept.get(self.ids[place])


class HitList(RecordList[Hit | None]):
    """Records of many sessions, oldest first. Asks with ``Wanted`` for what it has to draw and does not have."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", 14, rank=3),
        Column("session", 12, rank=5),
        Column("seq", 7, right=True, rank=4),
        Column("decision", 8),
        Column("kind", 16, rank=2),
        Column("summary", 0),
    )
    FLEXIBLE = 24
    EMPTY = "No record fits."

    class Wanted(Message):
        """Records that are to be drawn are not in memory: see ``missing`` and ``put``."""

    class Clicked(Message):
        """A record was selected with the mouse."""

        def __init__(self, records: HitList) -> None:
            super().__init__()
            self.records = records

    def __init__(self) -> None:
        super().__init__()
        self._kept: OrderedDict[int, Hit] = OrderedDict()
        self._asked = False
        self._window = Window(self._kept, array("q"))

    @property
    def ids(self) -> array[int]:
        """All that are listed."""
        return self._window.ids

    def key(self, record: Hit | None) -> int:
        return record.id if record else 0

    def cells(self, record: Hit | None) -> Sequence[Cell]:
        if record is None:
            self._ask()
            return (*[Cell("")] * 5, Cell("…", Tone.QUIET))
        time = _stamp(record)
        if record.record is None:
            problem = Cell(neutralise(record.problem), Tone.BAD)
            return (time, Cell(record.session, Tone.QUIET), Cell("?"), Cell("✗ broken", Tone.BAD), Cell(""), problem)
        one = record.record
        sign = DECISION.get(one.decision) if one.decision else None
        return (
            time,
            Cell(neutralise(record.session), Tone.QUIET),
            Cell(str(one.seq), Tone.QUIET),
            Cell(str(sign), sign.tone) if sign else Cell("·", Tone.QUIET),
            Cell(neutralise(one.kind)),
            Cell(neutralise(one.summary)),
        )

    def _ask(self) -> None:
        if not self._asked:
            self._asked = True
            self.post_message(self.Wanted())

    def show_ids(self, ids: array[int]) -> None:
        """List these. Who follows goes to the newest; who reads keeps record and line."""
        before = self._window.ids
        cursor = before[self._cursor] if len(before) else 0
        top = before[min(self._first_row(), len(before) - 1)] if len(before) else 0
        self._window = Window(self._kept, ids)
        self._take(self._window, [])
        self._ask()
        if self.following or not ids:
            self._go(len(ids) - 1)
            return
        if before and ids:
            self.unseen += len(ids) - bisect_left(ids, before[-1] + 1)
        self._cursor = min(bisect_left(ids, cursor), len(ids) - 1)
        self._scroll_to_row(bisect_left(ids, top))
        self.refresh()

    def select_at(self, time_us: int) -> None:
        """Move the selection to the last record that was there at a time (microseconds)."""
        row = max(0, bisect_left(self._window.ids, (time_us + 1) << TIME_SHIFT) - 1)
        if row != self._cursor or self.following:
            self.following = False
            self._go(row)

    def on_click(self, event: events.Click) -> None:
        if event.y >= self._heads:
            self.post_message(self.Clicked(self))  # RecordList's own handler, called too, selects

    def missing(self) -> array[int]:
        """Ids of the records to read now: in view, around it, and the selected one, as far as they are not here."""
        self._asked = False
        ids, top = self._window.ids, self._first_row()
        near = ids[max(0, top - AHEAD) : top + self._page_rows + AHEAD] + ids[self._cursor : self._cursor + 1]
        return array("q", (one for one in near if one not in self._kept))

    def put(self, hits: Iterable[Hit]) -> None:
        """Take in records that were read, and draw them."""
        for hit in hits:
            self._kept[hit.id] = hit
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        self.refresh()


def _stamp(hit: Hit) -> Cell:
    return Cell(datetime.fromtimestamp(time_of(hit.id)).astimezone().strftime("%m-%d %H:%M:%S"), Tone.QUIET)
