"""What went over the wire, refused attempts included."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import ClassVar

from rich.cells import cell_len

from ironcurtain_tui.events import Decision, Flow, FlowState
from ironcurtain_tui.ui.figures import clock, count, counted, duration
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import crop, crop_start, neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList
from ironcurtain_tui.ui.widgets.record_panel import RecordPanel
from ironcurtain_tui.ui.words import outcome

ALL = 10_000
"""Cells in which every request fits."""
HOST = 10
"""Cells a host name keeps when there is little room: its end, which tells whose it is."""
REASON = 14
"""Cells of a reason, with those before it, below which it says nothing."""


class TrafficList(RecordList[Flow]):
    """One row a flow."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("time", 8, rank=5),
        Column("request", 0),
        Column("outcome", 9),
        Column("up", 5, right=True, rank=6),
        Column("down", 5, right=True, rank=4),
        Column("took", 6, right=True, rank=3),
        Column("tokens", 6, right=True, rank=2),
    )
    FLEXIBLE = 34
    EMPTY = "No traffic yet. Every request of the agent appears here, refused ones too."

    def key(self, record: Flow) -> str:
        return record.id

    def cells(self, record: Flow) -> Sequence[Cell]:
        sign = outcome(record)
        failed = record.decision is Decision.DENY or record.state is FlowState.ERROR
        return (
            Cell(clock(record.started), Tone.QUIET),
            Cell(_request(record, ALL), sign.tone if failed else Tone.PLAIN, partial(_request, record)),
            Cell(str(sign), sign.tone),
            Cell(count(record.bytes_up) if record.bytes_up else "", Tone.QUIET),
            Cell(count(record.bytes_down) if record.bytes_down else "", Tone.QUIET),
            Cell(_took(record), Tone.QUIET),
            Cell(count(record.usage.total_tokens) if record.usage else "", Tone.PLAIN),
        )


class TrafficPanel(RecordPanel[Flow]):
    """The flows of the session."""

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        super().__init__(Panel.TRAFFIC, "Traffic", "f3", Command.ZOOM_TRAFFIC, TrafficList(), is_reserved)

    def update(self, flows: Collection[Flow]) -> None:
        """Show ``flows``, oldest first."""
        refused = sum(flow.decision is Decision.DENY for flow in flows)
        notes = [Piece(f" {counted(len(flows), 'flow')} ", Tone.QUIET, rank=1)] if flows else []
        if refused:
            notes.append(Piece(f" ✗ {count(refused)} refused ", Tone.BAD))
        if changed := sum(any(each.startswith("took out") for each in flow.altered) for flow in flows):
            notes.append(Piece(f" ~ {count(changed)} changed ", Tone.WARN))
        self.show(flows, notes)


def _request(flow: Flow, cells: int) -> str:
    """Method, host and path in ``cells``, and why nothing came of it.

    That goes first, then the host loses its start, then the path its end.
    """
    method = neutralise(flow.method).ljust(4)
    host = neutralise(flow.host) + ("" if flow.port == 443 else f":{flow.port}")
    path = neutralise(flow.path)
    room = cells - cell_len(method) - 1
    host = crop_start(host, max(HOST, room - cell_len(path)))
    line = f"{method} {host}{crop(path, max(0, room - cell_len(host)))}"
    failed = flow.decision is Decision.DENY or flow.state is FlowState.ERROR
    if failed and flow.reason and cell_len(line) + REASON <= cells:
        line += f"  {neutralise(flow.reason)}"
    return crop(line, cells)


def _took(flow: Flow) -> str:
    if flow.total_ms is not None:
        return duration(flow.total_ms)
    return "..." if flow.state in (FlowState.OPEN, FlowState.STREAMING) and flow.decision is not Decision.DENY else ""
