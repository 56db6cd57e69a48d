"""A screen that comes back knows how hasty the person was."""

from __future__ import annotations

import msgspec

from ironcurtain_tui.events import EscalationChanged, EscalationState

from .scripted_session import NOON, ScriptedSession, driven, escalation, push


async def test_a_screen_that_comes_back_still_asks_the_hasty_for_the_word(session: ScriptedSession) -> None:
    for number in range(3):
        done = msgspec.structs.replace(
            escalation(number, raised=NOON),
            id=f"old{number}",
            state=EscalationState.APPROVED,
            decided=NOON + 1,
            note="approved by the person, once",
        )
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
