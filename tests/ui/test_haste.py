"""The streak of hasty approvals that a screen finds when it comes back."""

from __future__ import annotations

import msgspec
import pytest

from ironcurtain_tui.events import Escalation, EscalationChanged, EscalationState
from ironcurtain_tui.ui.haste import hasty_streak

from .scripted_session import NOON, ScriptedSession, driven, escalation, push

QUICK, SLOW = 1.0, 9.0
PERSON, MACHINE = "approved by the person, once", "approved by the auto-approver, because you wrote “x”, once"


def answered(seconds: float, state: EscalationState = EscalationState.APPROVED, note: str = PERSON) -> Escalation:
    return msgspec.structs.replace(escalation(1, raised=NOON), state=state, decided=NOON + seconds, note=note)


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


async def test_a_screen_that_comes_back_still_asks_the_hasty_for_the_word(session: ScriptedSession) -> None:
    for number in range(3):
        done = msgspec.structs.replace(answered(QUICK), id=f"old{number}")
        session.publish(EscalationChanged(escalation=done))
    session.play()
    session.publish(EscalationChanged(escalation=push()))
    async with driven(session) as it:
        await it.press("f2")
        await it.settled()
        await it.press("space", "space")
        await it.settled()
        await it.press("a")
        assert "type yes" in it.text
