"""What was decided and done, as the audit log has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

from ironcurtain_tui.events import AuditLine
from ironcurtain_tui.ui.figures import clock, counted
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList
from ironcurtain_tui.ui.widgets.record_panel import RecordPanel
from ironcurtain_tui.ui.words import DECISION


class AuditList(RecordList[AuditLine]):
    """One row a record."""

    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("seq", 6, right=True, rank=2),
        Column("time", 8, rank=3),
        Column("decision", 8),
        Column("kind", 16, rank=1),
        Column("summary", 0),
    )
    FLEXIBLE = 24
    EMPTY = "No records yet. What is allowed, refused and done appears here."

    def key(self, record: AuditLine) -> int:
        return record.seq

    def cells(self, record: AuditLine) -> Sequence[Cell]:
        sign = DECISION.get(record.decision) if record.decision else None
        return (
            Cell(str(record.seq), Tone.QUIET),
            Cell(clock(record.time), Tone.QUIET),
            Cell(str(sign), sign.tone) if sign else Cell("·", Tone.QUIET),
            Cell(neutralise(record.kind), Tone.PLAIN),
            Cell(neutralise(record.summary), Tone.PLAIN),
        )


class AuditPanel(RecordPanel[AuditLine]):
    """The newest records of the session's log."""

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        super().__init__(Panel.AUDIT, "Audit", "f4", Command.ZOOM_AUDIT, AuditList(), is_reserved)

    def update(self, lines: Collection[AuditLine], newest: int) -> None:
        """Show ``lines``, oldest first; ``newest`` is the number of the last one."""
        self.show(lines, [Piece(f" {counted(newest, 'record')} ", Tone.QUIET)] if newest else [])
