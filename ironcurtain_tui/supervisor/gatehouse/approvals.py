"""What waits for a person, with clock, audit log and viewers: the edge around the pure queue."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import queue as core
from ironcurtain_tui.escalations.queue import DecisionRefused, Queue
from ironcurtain_tui.events import (
    AnyEvent,
    Card,
    Confidence,
    Decision,
    Escalation,
    EscalationChanged,
    EscalationState,
    Utterance,
)
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.tasks import TaskOwner

MOST_WAITING = 2_000
HEAVIEST = 6 << 20
"""Characters of all waiting cards together: they must fit into one message to a viewer that comes late."""


LONGEST_WORDS = 600
"""Characters of the person's words beside a question."""


@dataclass(frozen=True)
class _Asked:
    action: Action
    answer: asyncio.Future[Answer]


@dataclass(frozen=True)
class Answer:
    """How a question ended."""

    state: EscalationState
    reason: str
    """For the agent, in words; empty when approved."""
    retry: bool = False
    """Whether asking again may help."""

    @property
    def approved(self) -> bool:
        return self.state is EscalationState.APPROVED


class Approvals:
    """Asks the person, any number of questions at a time.

    ``timeout``: seconds until a question is denied by itself. ``on_waiting`` is told how many wait whenever that
    changes. ``on_unavailable`` is told when the audit log fails; what was asked is then denied. ``words`` tells what
    the person said last.
    """

    def __init__(
        self,
        audit: AuditLog,
        publish: Callable[[AnyEvent], None],
        timeout: float,
        *,
        on_waiting: Callable[[int], None],
        on_unavailable: Callable[[AuditUnavailable], None],
        words: Callable[[], Utterance | None] = lambda: None,
    ) -> None:
        self._audit = audit
        self._publish = publish
        self._timeout = timeout
        self._on_waiting = on_waiting
        self._on_unavailable = on_unavailable
        self._words = words
        self.on_raised: Callable[[Escalation, Action], None] = lambda *_: None
        """Told of every question once it is recorded."""
        self._queue = Queue()
        self._asked: dict[str, _Asked] = {}
        self._tasks = TaskOwner()
        self._weight = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stands_still = False
        self._numbers = itertools.count(1)

    @property
    def pending(self) -> tuple[Escalation, ...]:
        """What waits, oldest first."""
        return tuple(self._queue.pending.values())

    def action(self, name: str) -> Action | None:
        """What the question of this id is about; None when nobody waits for its answer."""
        asked = self._asked.get(name)
        return asked.action if asked else None

    def check(self, name: str, digest: str) -> Escalation:
        """The waiting escalation that such a decision would be about. Raises DecisionRefused when there is none."""
        return core.check(self._queue, name, digest, time.time())

    async def ask(self, action: Action, card: Card) -> Answer:
        """Hold until a person decides or the time is up.

        An approving answer is durable in the audit log. Cancelling takes the question back. AuditUnavailable when
        the question cannot be recorded.
        """
        weight = cards.weight(card)
        if len(self._asked) >= MOST_WAITING or self._weight + weight > HEAVIEST:
            return Answer(EscalationState.DENIED, "too much waits for a person already", retry=True)
        now = time.time()
        name = f"e{next(self._numbers)}"
        words = _shortened(self._words())
        escalation = Escalation(
            id=name,
            card=card,
            raised=now,
            deadline=now + self._timeout,
            words=words,
            frozen=self._timeout if self._stands_still else None,
        )
        self._queue = core.hold(self._queue, escalation)
        self._weight += weight
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[name] = _Asked(action, answer)
        self._publish(EscalationChanged(escalation=escalation))
        self._on_waiting(len(self._queue.pending))
        self._arm()
        try:
            await self._audit.append_async(
                "escalation.raised",
                f"waits for a person: {card.title}",
                decision=Decision.ESCALATE,
                data={
                    "escalation": name,
                    "digest": card.digest,
                    "rule": card.rule,
                    "reason": card.reason,
                    "words": msgspec.to_builtins(words),
                },
                durable=False,
            )
            self.on_raised(escalation, action)
            return await answer
        finally:
            del self._asked[name]
            self._weight -= weight
            self._withdraw(name)

    async def decide(
        self,
        name: str,
        digest: str,
        *,
        approve: bool,
        by: str,
        scope: str = "once",
        sentence: str = "",
        hasty: bool = False,
    ) -> Escalation:
        """Answer the question ``name``; who waits for it is told once that is durable. Returns how it ended.

        Raises DecisionRefused when it has no effect. ``by`` says who decided, ``sentence`` goes to the agent with a
        denial. ``hasty``: as soon as it came on the screen.
        """
        words = "approved" if approve else "denied"
        note = f"{words} by {by}" + (f", {scope}" if approve else "") + (f": {sentence}" if sentence else "")
        now = time.time()
        self._queue, escalation = core.decide(self._queue, name, digest, approve=approve, now=now, note=note)
        escalation = msgspec.structs.replace(escalation, hasty=hasty)
        self._changed()
        reason = "" if approve else f"{by} denied it" + (f" and says: {sentence}" if sentence else "")
        answer = Answer(escalation.state, reason)
        try:
            await self._audit.append_async(
                "escalation.decided",
                f"{note}: {escalation.card.title}",
                decision=Decision.ALLOW if approve else Decision.DENY,
                data={
                    "escalation": name,
                    "digest": digest,
                    "by": by,
                    "scope": scope if approve else "",
                    "sentence": sentence,
                    "decision_ms": round((now - escalation.raised) * 1000),
                },
            )
        except AuditUnavailable as error:
            self._on_unavailable(error)
            answer = Answer(
                EscalationState.DENIED, "the audit log cannot be written, so nothing may happen", retry=True
            )
            escalation = _ended(escalation, EscalationState.DENIED, "the decision could not be recorded")
        if not self._answer(name, answer) and answer.approved:
            escalation = _ended(escalation, EscalationState.CANCELLED, f"{note}, but the agent no longer waited")
            self._record_end(escalation, "escalation.cancelled")
        self._tell(escalation)
        return escalation

    def amend(self, name: str, words: Utterance) -> None:
        """It is known better by now what the person had said before the question ``name``."""
        self._queue, escalation = core.amend(self._queue, name, _shortened(words) or words)
        if escalation is not None:
            self._publish(EscalationChanged(escalation=escalation))

    def stand_still(self, paused: bool) -> None:
        """Stop the clocks of all questions, or let them run on from where they stood."""
        if paused is self._stands_still:
            return
        self._stands_still = paused
        self._queue = (core.freeze if paused else core.thaw)(self._queue, time.time())
        for escalation in self.pending:
            self._publish(EscalationChanged(escalation=escalation))
        self._arm()

    async def deny_all(self, by: str, sentence: str = "") -> None:
        """Deny whatever waits."""
        for escalation in self.pending:
            try:
                await self.decide(escalation.id, escalation.card.digest, approve=False, by=by, sentence=sentence)
            except DecisionRefused:
                pass  # it ended meanwhile

    async def close(self) -> None:
        """Stop the clock. Whatever still waits goes with those who wait for it."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self._tasks.close()

    def _answer(self, name: str, answer: Answer) -> bool:
        """Tell whoever waits; False when nobody does."""
        asked = self._asked.get(name)
        if asked is None or asked.answer.done():
            return False
        asked.answer.set_result(answer)
        return True

    def _withdraw(self, name: str) -> None:
        """Whoever waited is gone. Does nothing for a question that was answered."""
        self._queue, escalation = core.cancel(self._queue, name, time.time(), "the agent no longer waits")
        if escalation is not None:
            self._record_end(escalation, "escalation.cancelled")
            self._changed()
            self._tell(escalation)

    def _expire(self) -> None:
        self._timer = None
        # The wall clock may have been set back; the time that passed counts.
        due = core.next_deadline(self._queue) or 0.0
        note = f"nobody decided within {self._timeout:.0f} seconds"
        self._queue, ended = core.expire(self._queue, max(time.time(), due), note)
        for escalation in ended:
            self._record_end(escalation, "escalation.expired")
            self._answer(escalation.id, Answer(EscalationState.EXPIRED, note, retry=True))
            self._tell(escalation)
        self._changed()

    def _record_end(self, escalation: Escalation, kind: str) -> None:
        """Record an end without effect. Nobody has to wait for that."""

        async def record() -> None:
            try:
                await self._audit.append_async(
                    kind,
                    f"{escalation.note}: {escalation.card.title}",
                    decision=Decision.DENY,
                    data={"escalation": escalation.id, "digest": escalation.card.digest},
                    durable=False,
                )
            except AuditUnavailable as error:
                self._on_unavailable(error)

        self._tasks.start(record(), kind)

    def _tell(self, escalation: Escalation) -> None:
        self._publish(EscalationChanged(escalation=_ended(escalation, escalation.state, escalation.note)))

    def _changed(self) -> None:
        self._on_waiting(len(self._queue.pending))
        self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due = core.next_deadline(self._queue)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.0, due - time.time()), self._expire)


def _shortened(words: Utterance | None) -> Utterance | None:
    """As much of the words as is shown; what is not all of them is not exact, so that nobody decides by it."""
    if words is None or len(words.text) <= LONGEST_WORDS:
        return words
    order = list(Confidence)
    confidence = max(words.confidence, Confidence.LIKELY, key=order.index)
    return msgspec.structs.replace(words, text=f"{words.text[:LONGEST_WORDS]}…", confidence=confidence)


def _ended(escalation: Escalation, state: EscalationState, note: str) -> Escalation:
    """``escalation`` as the history keeps it."""
    return msgspec.structs.replace(escalation, state=state, note=note, card=cards.remembered(escalation.card))
