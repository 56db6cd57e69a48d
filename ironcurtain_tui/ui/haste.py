"""How hastily the person has been approving, as far as the session remembers: a screen that comes back asks it."""

from __future__ import annotations

from collections.abc import Iterable

from ironcurtain_tui.events import Escalation, EscalationState
from ironcurtain_tui.ui.approval import ARMING_SECONDS, HASTY_SECONDS

BY_THE_PERSON = "approved by the person"


def hasty_streak(decided: Iterable[Escalation]) -> int:
    """How many of the person's last answers in a row were approvals within moments of the question itself.

    ``decided``: oldest first. What nobody, or somebody else, answered neither adds to the streak nor ends it.
    """
    streak = 0
    for escalation in decided:
        if escalation.state is EscalationState.APPROVED and escalation.note.startswith(BY_THE_PERSON):
            quick = (escalation.decided or 0.0) - escalation.raised < ARMING_SECONDS + HASTY_SECONDS
            streak = streak + 1 if quick else 0
        elif escalation.state is EscalationState.DENIED:
            streak = 0
    return streak
