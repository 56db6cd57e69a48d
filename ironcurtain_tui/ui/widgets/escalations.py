"""What waits for the person, and below it what was answered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Reversible, Sequence
from itertools import islice
from typing import ClassVar

from ironcurtain_tui.events import Escalation, EscalationState
from ironcurtain_tui.ui.figures import age, countdown
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import Cell, Column, RecordList
from ironcurtain_tui.ui.widgets.record_panel import RecordPanel
from ironcurtain_tui.ui.words import ESCALATION

DECIDED_SHOWN = 50


class EscalationList(RecordList[Escalation]):
    """One row a held action. Stands still: the oldest at the top is the most urgent."""

    FOLLOWS = False
    COLUMNS: ClassVar[tuple[Column, ...]] = (
        Column("left", 9),
        Column("!", 1),
        Column("what", 0),
        Column("age", 5, right=True, rank=1),
    )
    FLEXIBLE = 24
    EMPTY = "Nothing waits for you. Approvals appear here."

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self._now = now

    def key(self, record: Escalation) -> Hashable:
        return record.id, record.state is EscalationState.PENDING

    def cells(self, record: Escalation) -> Sequence[Cell]:
        sign = ESCALATION[record.state]
        pending = record.state is EscalationState.PENDING
        now = self._now()
        tone = Tone.PLAIN if pending else Tone.QUIET
        return (
            Cell(f"{sign.symbol} {countdown(record.left(now)):>5}" if pending else sign.word, sign.tone),
            Cell("▲" if record.card.risky else "", Tone.WARN if pending else Tone.QUIET),
            Cell(neutralise(record.card.title), tone),
            Cell(age(now - record.raised), Tone.QUIET),
        )


class PendingList(EscalationList, can_focus=False):
    """The same beside a card: its line is the card's."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._pointing = False

    def point_at(self, escalation: Escalation | None) -> None:
        """Show which one the card is of, or that there is no one card."""
        self._pointing = escalation is not None
        if escalation is not None:
            self.select_key(self.key(escalation))

    def shows_cursor(self) -> bool:
        return self._pointing


class EscalationsPanel(RecordPanel[Escalation]):
    """The queue of held actions. Never takes the focus by itself."""

    def __init__(self, is_reserved: Callable[[str], bool], now: Callable[[], float]) -> None:
        super().__init__(Panel.ESCALATIONS, "Escalations", "f2", Command.QUEUE, EscalationList(now), is_reserved)

    def update(self, pending: Collection[Escalation], decided: Reversible[Escalation]) -> None:
        """Show ``pending``, oldest first, and the newest of ``decided`` (oldest first) below."""
        notes = [Piece(f" ◆ {len(pending):,} waiting ", Tone.WARN, Command.QUEUE, "Read and answer")] if pending else []
        self.show([*pending, *islice(reversed(decided), DECIDED_SHOWN)], notes)

    def tick(self) -> None:
        """A second has passed."""
        self.records.refresh()
