"""The queue of a session: hold, decide, expire, cancel. Every operation takes a queue and returns the next one.

A held action leaves the queue exactly once, by whichever of the four comes first; what comes later finds it gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import msgspec

from ironcurtain_tui.events import Escalation, EscalationState, Utterance

REMEMBERED = 1_000
"""How many that are over are remembered, to say what became of them."""

_WORDS = {
    EscalationState.APPROVED: "it was approved already",
    EscalationState.DENIED: "it was denied already",
    EscalationState.EXPIRED: "its time had run out",
    EscalationState.CANCELLED: "the agent no longer waits for it",
}


class DecisionRefused(Exception):  # noqa: N818 -- an outcome, not an error
    """A decision that has no effect; the text says why."""


@dataclass(frozen=True)
class Queue:
    """What waits, by id, oldest first, and how the most recent ones ended."""

    pending: Mapping[str, Escalation] = field(default_factory=dict)
    over: Mapping[str, EscalationState] = field(default_factory=dict)


def hold(queue: Queue, escalation: Escalation) -> Queue:
    """Put a pending ``escalation`` at the end. ValueError when its id was used before."""
    if escalation.id in queue.pending or escalation.id in queue.over:
        raise ValueError(f"escalation {escalation.id} is known already")
    return replace(queue, pending={**queue.pending, escalation.id: escalation})


def check(queue: Queue, name: str, digest: str, now: float) -> Escalation:
    """The one called ``name``, when it still waits at ``now`` and carries ``digest``. Raises DecisionRefused if not."""
    escalation = queue.pending.get(name)
    if escalation is None:
        ended = queue.over.get(name)
        raise DecisionRefused(_WORDS[ended] if ended is not None else "there is no such question")
    if escalation.left(now) <= 0:
        raise DecisionRefused(_WORDS[EscalationState.EXPIRED])
    if digest != escalation.card.digest:
        raise DecisionRefused("the decision was about something else than what waits here")
    return escalation


def decide(queue: Queue, name: str, digest: str, *, approve: bool, now: float, note: str) -> tuple[Queue, Escalation]:
    """Answer the one called ``name``. Raises DecisionRefused as ``check`` does, and then nothing changes."""
    escalation = check(queue, name, digest, now)
    return _end(queue, escalation, EscalationState.APPROVED if approve else EscalationState.DENIED, now, note)


def expire(queue: Queue, now: float, note: str) -> tuple[Queue, tuple[Escalation, ...]]:
    """Deny all whose deadline has come."""
    ended = []
    for escalation in [each for each in queue.pending.values() if each.left(now) <= 0]:
        queue, over = _end(queue, escalation, EscalationState.EXPIRED, now, note)
        ended.append(over)
    return queue, tuple(ended)


def cancel(queue: Queue, name: str, now: float, note: str) -> tuple[Queue, Escalation | None]:
    """Take out the one called ``name`` because nobody waits for it any more; None when it had left before."""
    escalation = queue.pending.get(name)
    if escalation is None:
        return queue, None
    return _end(queue, escalation, EscalationState.CANCELLED, now, note)


def amend(queue: Queue, name: str, words: Utterance) -> tuple[Queue, Escalation | None]:
    """Say better what the person had said before the one called ``name``; None when that had left before."""
    escalation = queue.pending.get(name)
    if escalation is None:
        return queue, None
    amended = msgspec.structs.replace(escalation, words=words)
    return replace(queue, pending={**queue.pending, name: amended}), amended


def next_deadline(queue: Queue) -> float | None:
    """When ``expire`` must be called next; None when nothing waits."""
    return min((each.deadline for each in queue.pending.values() if each.frozen is None), default=None)


def freeze(queue: Queue, now: float) -> Queue:
    """Stop every clock."""
    return _each(queue, lambda one: msgspec.structs.replace(one, frozen=one.left(now)))


def thaw(queue: Queue, now: float) -> Queue:
    """Let every clock run on from where it stood."""
    return _each(queue, lambda one: msgspec.structs.replace(one, deadline=now + one.left(now), frozen=None))


def _each(queue: Queue, change: Callable[[Escalation], Escalation]) -> Queue:
    return replace(queue, pending={name: change(one) for name, one in queue.pending.items()})


def _end(
    queue: Queue, escalation: Escalation, state: EscalationState, now: float, note: str
) -> tuple[Queue, Escalation]:
    pending = {name: each for name, each in queue.pending.items() if name != escalation.id}
    over = {**queue.over, escalation.id: state}
    if len(over) > REMEMBERED:
        del over[next(iter(over))]
    ended = msgspec.structs.replace(escalation, state=state, decided=now, note=note)
    return Queue(pending, over), ended
