"""Everything that is known of one flow or one audit record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.events import AuditLine, Flow
from ironcurtain_tui.ui.figures import moment
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.dialog import Dialog
from ironcurtain_tui.ui.words import DECISION, outcome

LONG = 200
"""Characters from which a value says how long it is."""
REFRESH_SECONDS = 0.5

Fields = Sequence[tuple[str, str]]


def flow_fields(flow: Flow) -> Fields:
    """Every field of a flow that says something, names for people first."""
    usage = flow.usage
    fields = [
        ("Outcome", str(outcome(flow))),
        ("Decision", str(DECISION[flow.decision])),
        ("Reason", flow.reason),
        ("Changed by us", "; ".join(flow.altered)),
        ("Method", flow.method),
        ("Host", flow.host),
        ("Port", str(flow.port)),
        ("Path", flow.path),
        ("Started", moment(flow.started)),
        ("State", flow.state.value),
        ("Status", "" if flow.status is None else str(flow.status)),
        ("Content type", flow.content_type),
        ("Sent", f"{flow.bytes_up:,} bytes"),
        ("Received", f"{flow.bytes_down:,} bytes"),
        ("First byte", _milliseconds(flow.first_byte_ms)),
        ("Total time", _milliseconds(flow.total_ms)),
        ("Model", usage.model if usage else ""),
        ("Tokens in", f"{usage.input_tokens:,}" if usage else ""),
        ("Tokens out", f"{usage.output_tokens:,}" if usage else ""),
        ("Cache read", f"{usage.cache_read_tokens:,} tokens" if usage else ""),
        ("Cache write", f"{usage.cache_write_tokens:,} tokens" if usage else ""),
        ("Cost", "" if flow.cost_usd is None else f"${flow.cost_usd:.4f}"),
        ("Flow", flow.id),
    ]
    return [(name, value) for name, value in fields if value]


def audit_fields(line: AuditLine) -> Fields:
    """Every field of an audit record."""
    fields = [
        ("Record", f"#{line.seq}"),
        ("Time", moment(line.time)),
        ("Kind", line.kind),
        ("Decision", str(DECISION[line.decision]) if line.decision else ""),
        ("Summary", line.summary),
    ]
    return [(name, value) for name, value in fields if value]


class RecordDetails(Dialog[None]):
    """Fields and values; follows a flow that is still under way."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll(1)", show=False),
        Binding("k,up", "scroll(-1)", show=False),
        Binding("enter", "leave", show=False),
    ]
    KEYS = ("Esc close", "j k scroll")

    def __init__(self, title: str, read: Callable[[], Fields]) -> None:
        super().__init__(title)
        self._read = read
        self._shown: Fields = ()
        self._table = Static()

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="content"):
            yield self._table

    def on_mount(self) -> None:
        self._refresh_fields()
        self.set_interval(REFRESH_SECONDS, self._refresh_fields)

    def action_scroll(self, rows: int) -> None:
        """Move the content."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def _refresh_fields(self) -> None:
        fields = self._read()
        if fields == self._shown:
            return
        self._shown = fields
        table = Table.grid(padding=(0, 2))
        table.add_column(justify="right", no_wrap=True)
        table.add_column(overflow="fold")
        for name, value in fields:
            table.add_row(Text(name, style="dim"), _value(value))
        self._table.update(table)


def _value(value: str) -> Text:
    text = Text(neutralise(value), overflow="fold")
    if len(value) > LONG:
        text.append(f"  ({len(value):,} characters)", style="dim")
    return text


def _milliseconds(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f} ms"
