"""The streak of hasty approvals, and when it asks for the word."""

from __future__ import annotations

import msgspec
import pytest

from ironcurtain_tui.escalations.haste import INSTANT_SECONDS, STREAK, hasty_streak, word_missing
from ironcurtain_tui.events import Card, Escalation, EscalationState

QUICK, SLOW = INSTANT_SECONDS - 0.6, 9.0
CARD = Card(kind="tool", title="", asker="", reason="", rule="", fields=(), digest="d")
ASKED = Escalation(id="e1", card=CARD, raised=1000.0, deadline=2000.0)
PERSON, MACHINE = "approved by the person, once", "approved by the auto-approver, because you wrote “x”, once"


def answered(seconds: float, state: EscalationState = EscalationState.APPROVED, note: str = PERSON) -> Escalation:
    return msgspec.structs.replace(ASKED, state=state, decided=ASKED.raised + seconds, note=note)


@pytest.mark.parametrize(
    ("decided", "streak"),
    [
        ([], 0),
        ([answered(QUICK)] * 3, 3),
        ([answered(QUICK), answered(SLOW), answered(QUICK)], 1),
        ([answered(QUICK), answered(QUICK), answered(QUICK, EscalationState.DENIED, "denied by the person")], 0),
        ([answered(QUICK), answered(QUICK, note=MACHINE), answered(QUICK)], 2),
        ([answered(QUICK), answered(SLOW, EscalationState.EXPIRED, "nobody decided"), answered(QUICK)], 2),
    ],
)
def test_streaks(decided: list[Escalation], streak: int) -> None:
    assert hasty_streak(decided) == streak


def test_what_waited_long_and_was_answered_at_sight_is_hasty() -> None:
    seen = msgspec.structs.replace(answered(SLOW), hasty=True)
    assert hasty_streak([seen], before=2) == 3


@pytest.mark.parametrize(
    ("risky", "word", "streak", "missing"),
    [
        (True, "", STREAK, True),
        (True, "y", STREAK, True),
        (True, " YES ", STREAK, False),
        (True, "", STREAK - 1, False),
        (False, "", STREAK, False),
    ],
)
def test_the_word_is_asked_for_where_it_matters(risky: bool, word: str, streak: int, missing: bool) -> None:
    card = msgspec.structs.replace(ASKED.card, risky=risky)
    assert word_missing(msgspec.structs.replace(ASKED, card=card), word, streak) is missing
