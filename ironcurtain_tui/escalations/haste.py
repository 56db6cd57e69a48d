"""Approvals given faster than anybody reads: a row of them, and a risky question asks for a typed word. Pure.

The session enforces it, for all its viewers together; a screen that follows the same rule asks before it is refused.
"""

from __future__ import annotations

from collections.abc import Iterable

from ironcurtain_tui.events import Escalation, EscalationState

INSTANT_SECONDS = 1.6
"""An approval sooner than this after the question was raised, or came on the screen, is a hasty one."""
STREAK = 3
"""So many of them in a row, and risky cards ask for the word."""
WORD = "yes"
BY_THE_PERSON = "approved by the person"


def hasty_streak(decided: Iterable[Escalation], before: int = 0) -> int:
    """How many of the person's last answers in a row were hasty approvals.

    ``decided``: oldest first, the ``before`` left out. What nobody, or somebody else, answered neither adds to the
    streak nor ends it.
    """
    streak = before
    for escalation in decided:
        if escalation.state is EscalationState.APPROVED and escalation.note.startswith(BY_THE_PERSON):
            instant = (escalation.decided or 0.0) - escalation.raised < INSTANT_SECONDS
            streak = streak + 1 if instant or escalation.hasty else 0
        elif escalation.state is EscalationState.DENIED:
            streak = 0
    return streak


def word_missing(escalation: Escalation, word: str, streak: int) -> bool:
    """Whether approving ``escalation`` after such a ``streak`` takes the typed word, and ``word`` is not it."""
    return escalation.card.risky and streak >= STREAK and word.strip().casefold() != WORD
