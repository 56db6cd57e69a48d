"""All flows of a session on the whole screen: filter, details, timing, curl and HAR."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.events import Decision, Flow, FlowState
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.traffic.kept import KeptFlow, Message
from ironcurtain_tui.ui import body_view, flow_export, timing
from ironcurtain_tui.ui.figures import count, dollars, plural
from ironcurtain_tui.ui.flow_filter import SYNTAX, FlowTest, flow_test
from ironcurtain_tui.ui.kept_traffic import KeptTraffic
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.query import FilterError
from ironcurtain_tui.ui.screens.browser import Browser, Keys
from ironcurtain_tui.ui.screens.details import flow_fields
from ironcurtain_tui.ui.screens.replay import ReplayScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList
from ironcurtain_tui.ui.widgets.traffic import TrafficList

REFRESH_SECONDS = 0.25
BAR = 14
DETAIL_BAR = 22
SETTLES = 3.0
"""Seconds after its end in which what is kept of a flow may still be on its way to the disk."""


class TimedTrafficList(TrafficList):
    """The flows with a bar of how long each took, as a part of the longest that is listed."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (*TrafficList.COLUMNS, Column("timing ░wait █data", BAR, rank=7))
    EMPTY = "No flow fits. Every request of the agent appears here, refused ones too."
    longest_ms = 0.0

    def cells(self, record: Flow) -> Sequence[Cell]:
        return (*super().cells(record), Cell(timing.bar(record, self.longest_ms, BAR), Tone.QUIET))


class TrafficBrowser(Browser):
    """``read`` gives the flows of now, oldest first; exports go to what is kept of ``session``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "copy_curl", show=False),
        Binding("x", "export_har", show=False),
        Binding("r", "other_side", show=False),
        Binding("enter", "replay", show=False),
        Binding("f3", "leave", show=False),
    ]
    NAME = "Traffic"
    KEYS: ClassVar[Keys] = (
        ("Enter", "The recording at the second of this flow", "replay"),
        ("r", "In the details, the request or the response", "request/response"),
        ("c", "Copy as a curl command with the fake key's variable, for inside the container", "copy curl"),
        ("x", "Write the flows that are listed as HAR 1.2, with headers and bodies as far as they are kept", "HAR"),
    )
    SYNTAX: ClassVar[Sequence[tuple[str, str]]] = SYNTAX

    def __init__(
        self,
        read: Callable[[], Collection[Flow]],
        session: SessionPaths,
        waiting: Callable[[], int] = lambda: 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._list = TimedTrafficList()
        super().__init__(self._list, "host:github status:>=400 !refused ~m POST & ~b error", waiting=waiting, now=now)
        self._read = read
        self._session = session
        self._all: tuple[Flow, ...] = ()
        self._shown: tuple[Flow, ...] = ()
        self._test = FlowTest(lambda *_: True)
        self._judged: dict[str, Flow] = {}
        """Flows whose insides the filter has looked at, and which cannot change any more."""
        self._fitting: set[str] = set()
        self._kept = KeptTraffic(session.traffic)
        self._inside: tuple[Flow, KeptFlow | None] | None = None
        """What is kept of the selected flow, once that was read."""
        self._shows_request = False
        self._tasks = TaskOwner()
        self._reading: asyncio.Task[None] | None = None

    def on_mount(self) -> None:
        self.set_interval(REFRESH_SECONDS, self._refresh_flows)
        self.call_after_refresh(self._list_flows)

    async def on_unmount(self) -> None:
        await self._tasks.close()
        self._kept.close()

    def _refresh_flows(self) -> None:
        if tuple(self._read()) != self._all:
            self._list_flows()
        if self._reading is None or self._reading.done():
            self._reading = self._tasks.start(self._look_inside(), "kept traffic")
        self.show_title()

    def _list_flows(self) -> None:
        before = {flow.id for flow in self._all}
        self._all = tuple(self._read())
        self._shown = tuple(flow for flow in self._all if self._fits(flow))
        self._list.longest_ms = max((flow.total_ms or 0.0 for flow in self._shown), default=0.0)
        self._list.show(self._shown, sum(flow.id not in before for flow in self._shown))
        self.show_title()
        self.show_details()

    def search(self, text: str) -> None:
        try:
            self._test = flow_test(text, self._now())
        except FilterError as error:
            self.say_wrong(str(error))
            return
        self.say_wrong("")
        self._judged.clear()
        self._fitting.clear()
        self._list_flows()

    def _fits(self, flow: Flow) -> bool:
        return flow.id in self._fitting if self._test.reads else self._test(flow)

    # --- what is kept -------------------------------------------------------------------------------

    async def _look_inside(self) -> None:
        """Read what the details show, and what the filter asks for."""
        try:
            await self._read_selected()
            await self._judge()
        except OSError as error:
            self.say_wrong(f"what is kept cannot be read: {error.strerror}")

    async def _read_selected(self) -> None:
        flow = self._list.selected
        if flow is None or not self._pane.display:
            return
        known = self._inside
        if known is not None and known[0] == flow and (known[1] is not None or self._is_settled(flow)):
            return
        kept = await self._kept.read(flow.id) if flow.state.is_over else None
        if known != (flow, kept):
            self._inside = flow, kept
            self.show_details()

    async def _judge(self) -> None:
        test = self._test
        open_ones = [flow for flow in self._all if test.reads and self._judged.get(flow.id) != flow]
        if not open_ones:
            return
        fitting = await self._kept.matching(test, open_ones)
        if self._test is test:
            self._judged |= {flow.id: flow for flow in open_ones if self._is_settled(flow)}
            now = (self._fitting - {flow.id for flow in open_ones}) | fitting
            if now != self._fitting:
                self._fitting = now
                self._list_flows()

    def _is_settled(self, flow: Flow) -> bool:
        return flow.state.is_over and self._now() - flow.started - (flow.total_ms or 0.0) / 1000 > SETTLES

    def figures(self) -> Sequence[Piece]:
        flows = self._shown
        of = f" of {len(self._all):,}" if len(flows) != len(self._all) else ""
        pieces = [
            Piece(f"{len(flows):,}{of} {plural(len(self._all), 'flow')}", Tone.PLAIN),
            Piece(f"↑ {count(sum(flow.bytes_up for flow in flows))}", Tone.QUIET, rank=8),
            Piece(f"↓ {count(sum(flow.bytes_down for flow in flows))}", Tone.QUIET, rank=7),
        ]
        if tokens := sum(flow.usage.total_tokens for flow in flows if flow.usage):
            pieces.append(Piece(f"{count(tokens)} tok", Tone.QUIET, rank=6))
        if cost := sum(flow.cost_usd or 0 for flow in flows):
            pieces.append(Piece(dollars(cost), Tone.QUIET, rank=5))
        if refused := sum(flow.decision is Decision.DENY for flow in flows):
            pieces.append(Piece(f"✗ {refused:,} refused", Tone.BAD))
        if failed := sum(flow.state is FlowState.ERROR or (flow.status or 0) >= 500 for flow in flows):
            pieces.append(Piece(f"▲ {failed:,} failed", Tone.WARN, rank=4))
        return pieces

    def describe(self) -> RenderableType:
        flow = self._list.selected
        if flow is None:
            return Text("Nothing is selected.", style="dim")
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in flow_fields(flow):
            table.add_row(Text(name, style="dim"), Text(neutralise(value)))
        return Group(table, Text(""), *_waterfall(flow), *self._describe_inside(flow))

    def _describe_inside(self, flow: Flow) -> Sequence[RenderableType]:
        known, kept = self._inside or (None, None)
        if known is None or known.id != flow.id:
            return [Text("\n…", style="dim")]
        if kept is None:
            why = "nothing is kept of it" if self._is_settled(flow) else "kept as soon as it is over"
            return [Text(f"\nHeaders and bodies: {why}.", style="dim")]
        target = [Text(f"\n{neutralise(kept.target)}", overflow="fold")] if "?" in kept.target else []
        if self._shows_request:
            return [*target, *_message("Request", kept.request, "r: the response")]
        return [*target, *_message("Response", kept.response, "r: the request")]

    @on(RecordList.Opened)
    def _opened(self, message: RecordList.Opened) -> None:
        message.stop()
        self.action_replay()

    def action_replay(self) -> None:
        """Play the recording from the second of the selected flow."""
        if (flow := self._list.selected) is not None:
            inside = self._inside[1] if self._inside is not None and self._inside[0].id == flow.id else None
            at = (round(flow.started * 1e6), inside.mono_us if inside is not None else 0)
            self.app.push_screen(ReplayScreen(AuditDirectory(self._session.root), self._session.session_id, at))

    def action_other_side(self) -> None:
        """Show the request in place of the response, or the other way round."""
        self._shows_request = not self._shows_request
        self.show_details()

    def action_copy_curl(self) -> None:
        """Put a curl command on the clipboard."""
        if (flow := self._list.selected) is not None:
            self._tasks.start(self._copy_curl(flow), "curl")

    async def _copy_curl(self, flow: Flow) -> None:
        try:
            kept = await self._kept.read(flow.id)
        except OSError:
            kept = None
        self.app.copy_to_clipboard(flow_export.curl(flow, kept))
        self.notify("Copied as curl. The key in it is the agent's fake one: it works inside only.", timeout=4)

    def action_export_har(self) -> None:
        """Write what is listed as HAR."""
        if self._shown:
            self._tasks.start(self._export_har(self._shown), "HAR")

    async def _export_har(self, flows: Sequence[Flow]) -> None:
        name = f"traffic-{time.strftime('%Y%m%d-%H%M%S', time.localtime(self._now()))}.har"
        path = self._session.kept / name
        try:
            await self._kept.write(path, flow_export.har, flows)
        except OSError as error:
            self.notify(f"Not written: {error.strerror}: {path}", severity="error", markup=False)
            return
        self.notify(
            f"{len(flows):,} {plural(len(flows), 'flow')}: {path}\n{flow_export.NOT_KEPT}", timeout=8, markup=False
        )


def _message(title: str, message: Message, hint: str) -> Iterator[RenderableType]:
    """Headers and body of one side."""
    heading = Text(f"\n{title}", style="bold")
    yield heading.append(f"  ({hint})", style="not bold dim")
    fields = Text(overflow="fold")
    for name, value in message.headers:
        fields.append(f"{neutralise(name)}: ", style="dim")
        fields.append(f"{neutralise(value)}\n")
    yield fields
    yield Text(f"{title} body: {neutralise(body_view.summary(message.body))}", style="dim")
    yield Text("\n".join(map(neutralise, body_view.lines(message))), overflow="fold")


def _waterfall(flow: Flow) -> list[Text]:
    """Waiting and receiving, each on a line of its own and at its place in time."""
    total, first = flow.total_ms, flow.first_byte_ms
    if total is None and first is None:
        return []
    whole = max(total or 0.0, first or 0.0) or 1.0
    waited = min(first if first is not None else whole, whole)
    lead = round(waited / whole * DETAIL_BAR)
    lines = [Text(f"  wait     {timing.WAITING * lead}{' ' * (DETAIL_BAR - lead)}  {waited:,.0f} ms")]
    if total is not None and first is not None:
        bar = timing.RECEIVING * max(1, DETAIL_BAR - lead)
        lines.append(Text(f"  receive  {' ' * lead}{bar}  {max(0.0, total - waited):,.0f} ms"))
        lines.append(Text(f"  in all   {' ' * DETAIL_BAR}  {total:,.0f} ms", style="dim"))
    return lines
