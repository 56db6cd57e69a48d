"""A session played back: its terminal, and beside it the audit records and flows of the same second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

import msgspec
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, ScrollableContainer, Vertical

from ironcurtain_tui.audit.chain import ChainBroken
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.follower import AnyReport, Indexed
from ironcurtain_tui.audit.index import Hit, time_of
from ironcurtain_tui.control.messages import ScreenUpdate
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.emulator import EmulatorGoneError
from ironcurtain_tui.terminal.replay import Event, Replay
from ironcurtain_tui.ui.audit_search import AuditSearch
from ironcurtain_tui.ui.figures import clock
from ironcurtain_tui.ui.following import follow
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.past_flows import PastFlows
from ironcurtain_tui.ui.player import Player
from ironcurtain_tui.ui.screens.browser import BESIDE_FROM, STAYS, Keys
from ironcurtain_tui.ui.screens.browser_help import BrowserHelp
from ironcurtain_tui.ui.screens.keyed import PrefixedScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.flows_along import FlowsAlong
from ironcurtain_tui.ui.widgets.hit_list import HitList
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column
from ironcurtain_tui.ui.widgets.terminal import AgentTerminal
from ironcurtain_tui.ui.widgets.timeline import Timeline

STEP, LEAP = 5.0, 60.0
"""Seconds that a key goes back or on."""
Moment = tuple[int, int]
"""Wall clock and monotonic clock in microseconds, 0 for not known."""
KEYS: Keys = (
    ("Space", "Play, and pause", "play"),
    ("← →", f"{STEP:.0f} seconds back, or on", "seek"),
    ("Shift+← Shift+→", f"{LEAP:.0f} seconds back, or on", ""),
    ("n p", "Next and previous marker: questions, answers, refusals", "marker"),
    ("j k ↓ ↑", "Next and previous audit record, and to its second", "record"),
    ("J K", "Next and previous flow, and to its second", "flow"),
    ("+ -", "Faster, slower: 0.5x to 16x", "speed"),
    ("g G", "To the beginning, to the end", ""),
    ("mouse", "The line of time and the lists lead to the second that is clicked; the wheel scrolls back", ""),
    ("F1", "Help", "help"),
    ("Esc", "Leave", "back"),
)


class ReplayHits(HitList):
    """Records of the session; the one of this second is marked."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", 8, rank=1),
        Column("decision", 8),
        Column("kind", 16, rank=2),
        Column("summary", 0),
    )
    EMPTY = "No record."

    def cells(self, record: Hit | None) -> Sequence[Cell]:
        cells = super().cells(record)
        time = Cell(clock(time_of(record.id)), Tone.QUIET) if record else cells[0]
        return (time, *cells[3:])

    def shows_cursor(self) -> bool:
        return True


class ReplayScreen(PrefixedScreen):
    """Plays ``session``: from ``at``, paused, or from the beginning."""

    CSS_PATH = screen_styles("replay")
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", show=False),
        Binding("space", "play", show=False),
        Binding("left", f"seek(-{STEP})", show=False),
        Binding("right", f"seek({STEP})", show=False),
        Binding("shift+left", f"seek(-{LEAP})", show=False),
        Binding("shift+right", f"seek({LEAP})", show=False),
        Binding("n", "marker(1)", show=False),
        Binding("p", "marker(-1)", show=False),
        Binding("j,down", "record(1)", show=False),
        Binding("k,up", "record(-1)", show=False),
        Binding("J,shift+down", "flow(1)", show=False),
        Binding("K,shift+up", "flow(-1)", show=False),
        Binding("plus,equals_sign", "speed(1)", show=False),
        Binding("minus", "speed(-1)", show=False),
        Binding("g,home", "start", show=False),
        Binding("G,end", "end", show=False),
        Binding("f1,question_mark", "help", show=False),
    ]

    def __init__(
        self,
        directory: AuditDirectory,
        session: str,
        at: Moment | None = None,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._directory = directory
        self._session = session
        self._recording = SessionPaths.of(session, directory.root).recording
        self._flows = PastFlows(directory, session)
        self._at = at
        self._now = now
        self._search = AuditSearch(directory)
        self._tasks = TaskOwner(self._failed)
        self._player: Player | None = None
        self._title = Line(id="title")
        self._terminal = AgentTerminal()
        self._terminal.can_focus = False
        self._terminal.end()  # nobody is there to type to
        self._audit = ReplayHits()
        self._traffic = FlowsAlong()
        self._timeline = Timeline()
        self._hints = Line(id="hints")

    def compose(self) -> ComposeResult:
        yield self._title
        with Container(id="replay"):
            with ScrollableContainer(id="stage", can_focus=False):
                yield self._terminal
            with Vertical(id="along"):
                yield Line(classes="heading", id="audit-heading")
                yield self._audit
                with Vertical(id="requests"):
                    yield Line(classes="heading", id="traffic-heading")
                    yield self._traffic
        yield self._timeline
        yield self._hints
        yield self.menu

    def on_mount(self) -> None:
        for name, text in (("audit", "Audit"), ("traffic", "Traffic")):
            self.query_one(f"#{name}-heading", Line).show([Piece(f" {text} ", Tone.STRONG)])
        self._audit.can_focus = self._traffic.can_focus = False
        pieces = [
            Piece(f"{keys} {hint}", tooltip=label, rank=0 if keys in STAYS else rank)
            for rank, (keys, label, hint) in enumerate(KEYS, 1)
        ]
        self._hints.show([Piece(""), *(piece for piece, key in zip(pieces, KEYS, strict=True) if key[2])])
        self._title.show([Piece(f" Replay {self._session} ", Tone.STRONG), Piece("loading", Tone.QUIET)])
        self._tasks.start(self._play(), "replay")
        self._arrange()

    async def on_unmount(self) -> None:
        await self._tasks.close()
        self._search.close()
        self._flows.close()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        self.set_class(self.size.width >= BESIDE_FROM, "-beside")

    # --- playing ------------------------------------------------------------------------------------

    async def _play(self) -> None:
        try:
            replay = await asyncio.to_thread(Replay.load, self._recording)
            player = Player(replay, self._show, self._moved)
            if self._at is None:
                player.toggle()
            else:
                player.seek(replay.second_of(*self._at))
            self._player = player
            self._tasks.start(self._list(), "records of the replay")
            self._tasks.start(follow(self._directory.root, self._heard), "audit follower")
            self._tasks.start(self._list_flows(replay), "flows of the replay")
            await player.run()
        except (UserFacingError, EmulatorGoneError, OSError) as error:
            told = f"{error.message}\n{error.remedy}" if isinstance(error, UserFacingError) else str(error)
            self.notify(neutralise(told.replace("\n", " ")), severity="error", timeout=10, markup=False)
            self.dismiss(None)

    def _heard(self, report: AnyReport) -> None:
        """What nobody has searched since it was written is not in the index yet."""
        if isinstance(report, Indexed):
            self._tasks.start(self._list(), "records of the replay")

    async def _list(self) -> None:
        found = await self._search.find(f"session:{self._session}", self._now())
        self._audit.show_ids(found.ids)
        self._moved()

    async def _list_flows(self, replay: Replay) -> None:
        """Those that are kept; of a session that kept none, what its audit log tells."""
        try:
            await self._flows.more()
        except (OSError, ChainBroken) as error:
            self.notify(f"No flows: {neutralise(str(error))}", severity="warning", markup=False)
            return
        placed = sorted(
            ((replay.second_of(round(flow.started * 1e6), clock), flow, clock) for flow, clock in self._flows.clocked),
            key=lambda each: each[0],
        )
        self._traffic.show_flows([(flow, clock) for _, flow, clock in placed], [second for second, _, _ in placed])
        self._moved()

    def _failed(self, name: str, error: BaseException) -> None:
        self.notify(f"{name}: {neutralise(str(error))}", severity="error", markup=False)

    def _show(self, update: ScreenUpdate) -> None:
        self._terminal.styles.width, self._terminal.styles.height = update.cols, update.lines
        self._terminal.apply(update)

    def _moved(self) -> None:
        player = self._player
        if player is None:
            return
        replay, at = player.replay, player.position
        us = replay.time_us_at(at)
        self._audit.select_at(us)
        self._traffic.select_at(at)
        self._timeline.show(at, replay.duration, [marker.time for marker in replay.markers])
        sign = "▶ playing" if player.playing else "■ paused"
        pieces = [
            Piece(f" Replay {self._session} ", Tone.STRONG),
            Piece(f"{_span(at)} / {_span(replay.duration)}", Tone.PLAIN),
            Piece(clock(us / 1e6), Tone.QUIET, rank=2),
            Piece(sign, Tone.GOOD if player.playing else Tone.PLAIN),
            Piece(f"{player.speed:g}x", Tone.PLAIN),
        ]
        if (marker := replay.previous_marker(at + 1e-6)) is not None:
            pieces.append(Piece(f"◆ {clip(neutralise(marker.data), 80)}", Tone.WARN, rank=3))
        if replay.cut:
            pieces.append(Piece("the beginning is missing", Tone.BAD, rank=1))
        self._title.show(pieces)

    @on(HitList.Wanted)
    def _wanted(self, message: HitList.Wanted) -> None:
        message.stop()
        self._tasks.start(self._read(), "records in view")

    async def _read(self) -> None:
        if ids := self._audit.missing():
            self._audit.put(await self._search.read(ids))

    @on(AgentTerminal.HistoryWanted)
    async def _history_wanted(self, message: AgentTerminal.HistoryWanted) -> None:
        message.stop()
        try:
            rows = await self._player.read_history(message.message) if self._player else None
        except (EmulatorGoneError, TimeoutError):
            return
        if rows is not None:
            self._terminal.show_history(msgspec.structs.replace(rows, request=message.message.request))

    @on(AgentTerminal.TextCopied)
    def _copied(self, message: AgentTerminal.TextCopied) -> None:
        self.notify(f"Copied {len(message.text):,} characters", timeout=2)

    # --- where to -----------------------------------------------------------------------------------

    @on(Timeline.Chosen)
    def _pointed(self, message: Timeline.Chosen) -> None:
        message.stop()
        self._seek(message.second)

    @on(HitList.Clicked)
    def _record_clicked(self, message: HitList.Clicked) -> None:
        message.stop()
        self._go_to_record(message.records)

    @on(FlowsAlong.Clicked)
    def _flow_clicked(self, message: FlowsAlong.Clicked) -> None:
        message.stop()
        self._go_to_flow()

    def _seek(self, second: float) -> None:
        if self._player is not None:
            self._terminal.return_to_live()
            self._player.seek(second)

    def _go_to_record(self, records: HitList) -> None:
        hit = records.selected
        if self._player is not None and hit is not None and hit.record is not None:
            self._seek(self._player.replay.second_of(hit.record.time_us, hit.record.mono_us))

    def _go_to_flow(self) -> None:
        if self._player is not None and (moment := self._traffic.moment) is not None:
            self._seek(self._player.replay.second_of(*moment))

    def action_flow(self, rows: int) -> None:
        """To the next or previous flow."""
        if self._player is not None:
            self._player.playing = False
            self._traffic.move(rows)
            self._go_to_flow()

    def action_seek(self, seconds: float) -> None:
        """So many seconds on, or back."""
        if self._player is not None:
            self._seek(self._player.position + seconds)

    def action_marker(self, direction: int) -> None:
        """To the next or previous marker."""
        if (player := self._player) is None:
            return
        marker: Event | None
        if direction > 0:
            marker = player.replay.next_marker(player.position)
        else:
            marker = player.replay.previous_marker(player.position)
        if marker is not None:
            self._seek(marker.time)

    def action_record(self, rows: int) -> None:
        """To the next or previous audit record."""
        if self._player is not None:
            self._player.playing = False
            self._audit.move(rows)
            self._go_to_record(self._audit)

    def action_play(self) -> None:
        """Play or pause."""
        if self._player is not None:
            self._terminal.return_to_live()
            self._player.toggle()

    def action_speed(self, steps: int) -> None:
        """Faster or slower."""
        if self._player is not None:
            self._player.change_speed(steps)

    def action_start(self) -> None:
        """To the beginning."""
        self._seek(0.0)

    def action_end(self) -> None:
        """To the end."""
        if self._player is not None:
            self._seek(self._player.replay.duration)

    def action_help(self) -> None:
        """All keys."""
        self.app.push_screen(BrowserHelp("Replay", (("Keys", [(keys, label) for keys, label, _ in KEYS]),)))

    def action_leave(self) -> None:
        """Back to where we came from."""
        self.dismiss(None)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
