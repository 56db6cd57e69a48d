"""All audit records of all sessions on the whole screen: live, searchable, each with its place in the chain."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import ClassVar

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.widget import Widget

from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.follower import AnyReport, Checked, Indexed, Missing, Trouble
from ironcurtain_tui.audit.index import Hit, time_of
from ironcurtain_tui.audit.verify import Proof
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.ui import proofs
from ironcurtain_tui.ui.audit_search import SYNTAX, AuditSearch, Found
from ironcurtain_tui.ui.figures import counted, moment, plural
from ironcurtain_tui.ui.following import follow
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.query import FilterError
from ironcurtain_tui.ui.screens.browser import Browser, Keys
from ironcurtain_tui.ui.screens.replay import ReplayScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.decisions_chart import DecisionsChart
from ironcurtain_tui.ui.widgets.hit_list import HitList
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import RecordList
from ironcurtain_tui.ui.words import DECISION

TYPING_SECONDS = 0.08
"""Quiet time after a key before the filter is searched for."""
REFRESH_SECONDS = 0.5
WHOLE_SECONDS = 30.0
"""After so long everything is searched anew, not only what is newest."""
LINES = 2_000
"""Lines of a record's JSON that are shown."""


class AuditBrowser(Browser):
    """Opens with the filter ``text``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "replay", show=False),
        Binding("s", "one_session", show=False),
        Binding("f4", "leave", show=False),
    ]
    NAME = "Audit"
    KEYS: ClassVar[Keys] = (("s", "Only the session of this record, and all of them again", "session"),)
    SYNTAX: ClassVar[Sequence[tuple[str, str]]] = SYNTAX

    def __init__(
        self,
        directory: AuditDirectory,
        text: str = "",
        waiting: Callable[[], int] = lambda: 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._list = HitList()
        super().__init__(self._list, "kind:request decision:deny host:example since:2h words", text, waiting, now)
        self._directory = directory
        self._search = AuditSearch(directory)
        self._chart = DecisionsChart()
        self._text = text
        self._found: Found | None = None
        self._searching = False
        self._stale = True
        self._whole_at = 0.0
        self._indexing = False
        self._proofs: dict[str, Proof] = {}
        self._missing: tuple[str, ...] = ()
        self._checkpoints: dict[int, Hit | None] = {}
        self._tasks = TaskOwner()
        self._newest: dict[str, asyncio.Task[None]] = {}

    def above(self) -> Sequence[Widget]:
        return (self._chart,)

    def on_mount(self) -> None:
        self._tasks.start(follow(self._directory.root, self._heard), "audit follower")
        self.set_interval(REFRESH_SECONDS, self._refresh_found)
        self.search(self._text)

    async def on_unmount(self) -> None:
        await self._tasks.close()
        self._search.close()

    # --- following ----------------------------------------------------------------------------------

    def _heard(self, report: AnyReport) -> None:
        match report:
            case Indexed(complete=complete):
                self._stale = True
                self._indexing = not complete
            case Checked(proof=proof):
                before, hit = self._proofs.get(proof.session), self._list.selected
                self._proofs[proof.session] = proof
                if hit is not None and hit.session == proof.session and hit.record is not None:
                    seq = hit.record.seq
                    if proofs.of_record(before, seq) != proofs.of_record(proof, seq):
                        self.show_details()
            case Missing(sessions=sessions):
                self._missing = sessions
            case Trouble(text=text, remedy=remedy):
                self.notify(f"{neutralise(text)}\n{neutralise(remedy)}", severity="error", timeout=10, markup=False)
        self.show_title()

    def _refresh_found(self) -> None:
        if self._stale and not self._searching:
            self._start_search(0.0, anew=self._found is None)
        self.show_title()

    # --- searching ----------------------------------------------------------------------------------

    def search(self, text: str) -> None:
        self._text = text
        self._start_search(TYPING_SECONDS if self._found else 0.0, anew=True)

    def _start_search(self, delay: float, *, anew: bool) -> None:
        self._searching = True
        self._only("audit search", self._find(self._text, delay, anew))

    def _only(self, name: str, work: Coroutine[None, None, None]) -> None:
        """Start ``work`` in place of what was started before under ``name``."""
        if (before := self._newest.get(name)) is not None:
            before.cancel()
        self._newest[name] = self._tasks.start(work, name)

    async def _find(self, text: str, delay: float, anew: bool) -> None:
        try:
            if delay:
                await asyncio.sleep(delay)
            self._stale = False
            began, now = time.monotonic(), self._now()
            if anew and self._list.following:
                self._show(await self._search.newest(text, now), partly=True)
            if anew or self._found is None or began - self._whole_at > WHOLE_SECONDS:
                self._whole_at = began
                found = await self._search.find(text, now)
            else:
                found = await self._search.more(text, now, self._found)
        except FilterError as error:
            self.say_wrong(str(error))
        except UserFacingError as error:
            self.say_wrong(f"{error.message} {error.remedy}")
        else:
            self._found = found
            self._show(found)
            self.say_wrong("")
        finally:
            if self._text == text:
                self._searching = False

    def _show(self, found: Found, partly: bool = False) -> None:
        self._list.show_ids(found.ids)
        if not partly:
            self._chart.show(found.decisions, found.series)
        self.show_title()
        self._selected_changed()

    @on(HitList.Wanted)
    def _wanted(self, message: HitList.Wanted) -> None:
        message.stop()
        self._tasks.start(self._read(), "audit records")

    async def _read(self) -> None:
        ids = self._list.missing()
        if not ids:
            return
        try:
            self._list.put(await self._search.read(ids))
        except UserFacingError as error:
            self.say_wrong(f"{error.message} {error.remedy}")
        self._selected_changed()

    @on(RecordList.Moved)
    def _selected_moved(self) -> None:
        self._selected_changed()

    def _selected_changed(self) -> None:
        self.show_details()
        hit = self._list.selected
        if hit is not None and self._checkpoints.get(hit.id) is None and self._pane.display:
            self._only("checkpoint", self._look_up_checkpoint(hit))

    async def _look_up_checkpoint(self, hit: Hit) -> None:
        try:
            self._checkpoints[hit.id] = await self._search.checkpoint_after(hit)
        except UserFacingError:
            return  # the search itself tells
        self.show_details()

    # --- what it says -------------------------------------------------------------------------------

    def figures(self) -> Sequence[Piece]:
        total = len(self._list.ids) if self._found is not None else 0
        pieces = [Piece(f"{total:,} {plural(total, 'record')}" if self._found else "searching", Tone.PLAIN)]
        if self._indexing:
            pieces.append(Piece("indexing…", Tone.QUIET, rank=4))
        if self._proofs:
            pieces.append(Piece(counted(len(self._proofs), "log"), Tone.QUIET, rank=5))
        hit = self._list.selected
        pieces.append(proofs.badge(self._proofs, self._missing, hit.session if hit else "", self._now()))
        return pieces

    def describe(self) -> RenderableType:
        hit = self._list.selected
        if hit is None:
            return Text("Nothing is selected.", style="dim")
        if hit.record is None:
            text = f"Session {hit.session}, {moment(time_of(hit.id))}\n\nThis record cannot be shown: {hit.problem}."
            return Text("\n".join(neutralise(line) for line in text.split("\n")))
        checkpoint = self._checkpoints.get(hit.id)
        return Group(
            _fields(hit.record),
            Text("\nPlace in the chain", style="bold"),
            _chain(hit.record, self._proofs.get(hit.session), checkpoint.record if checkpoint else None),
            Text("\nThe whole record", style="bold"),
            _json(hit.record),
        )

    # --- keys ---------------------------------------------------------------------------------------

    @on(RecordList.Opened)
    def _opened(self, message: RecordList.Opened) -> None:
        message.stop()
        self.action_replay()

    def action_replay(self) -> None:
        """Play the recording from the second of the selected record."""
        if (hit := self._list.selected) is not None and (record := hit.record) is not None:
            at = (record.time_us, record.mono_us)
            self.app.push_screen(ReplayScreen(self._directory, hit.session, at, self._now))

    def action_one_session(self) -> None:
        """Limit the list to the session of the selected record, or lift that."""
        words = [word for word in self._query.value.split(" ") if word]
        others = [word for word in words if not word.startswith("session:")]
        hit = self._list.selected
        if len(others) == len(words) and hit is not None:
            others.insert(0, f"session:{hit.session}")
        self._query.value = " ".join(others)


def _fields(record: Record) -> Table:
    return _table(
        ("Record", f"#{record.seq:,} of session {record.session}"),
        ("Time", moment(record.time_us / 1e6)),
        ("Kind", record.kind),
        ("Decision", str(DECISION[record.decision]) if record.decision else "nothing was decided"),
        ("Summary", record.summary),
    )


def _chain(record: Record, proof: Proof | None, checkpoint: Record | None) -> Table:
    if checkpoint is None:
        signed = "no checkpoint after it yet"
    elif checkpoint.seq == record.seq:
        signed = f"this is one: it signs all up to #{record.seq - 1:,}"
    else:
        later = (checkpoint.time_us - record.time_us) / 1e6
        signed = f"#{checkpoint.seq:,}, {later:,.1f} s later, signs all up to #{checkpoint.seq - 1:,}"
    return _table(
        ("Previous", record.prev),
        ("Hash", record.hash),
        ("Checkpoint", signed),
        ("Proof", proofs.of_record(proof, record.seq)),
    )


def _table(*rows: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(Text(name, style="dim"), Text(neutralise(value), overflow="fold"))
    return table


def _json(record: Record) -> Text:
    members = {name: value for name, value in msgspec.to_builtins(record).items() if value is not None}
    text = json.dumps(members, ensure_ascii=False, indent=2, sort_keys=True)
    lines = text.split("\n")
    shown = [neutralise(line) for line in lines[:LINES]]
    if len(lines) > LINES:
        shown.append(f"… {len(lines) - LINES:,} more lines: ironcurtain-tui audit show {record.session} {record.seq}")
    return Text("\n".join(shown), overflow="fold")
