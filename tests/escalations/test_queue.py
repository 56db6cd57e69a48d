from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ironcurtain_tui.escalations.queue import DecisionRefused, Queue, cancel, decide, expire, hold, next_deadline
from ironcurtain_tui.events import Card, Escalation, EscalationState


def escalation(number: int, raised: float = 0.0, timeout: float = 300.0) -> Escalation:
    card = Card(kind="tool", title="t", asker="a", reason="r", rule="x", fields=(), digest=f"{number:064x}")
    return Escalation(id=f"e{number}", card=card, raised=raised, deadline=raised + timeout)


def test_a_decision_must_come_in_time_and_name_the_digest() -> None:
    queue = hold(Queue(), escalation(1))
    with pytest.raises(DecisionRefused, match="something else"):
        decide(queue, "e1", f"{2:064x}", approve=True, now=1, note="")
    with pytest.raises(DecisionRefused, match="run out"):
        decide(queue, "e1", f"{1:064x}", approve=True, now=300, note="")
    with pytest.raises(DecisionRefused, match="no such"):
        decide(queue, "e2", f"{1:064x}", approve=True, now=1, note="")
    after, ended = decide(queue, "e1", f"{1:064x}", approve=True, now=299.9, note="by me")
    assert (ended.state, ended.decided, ended.note) == (EscalationState.APPROVED, 299.9, "by me")
    with pytest.raises(DecisionRefused, match="approved already"):
        decide(after, "e1", f"{1:064x}", approve=False, now=299.9, note="")
    assert "e1" in queue.pending, "the queue before is as it was"


def test_an_identifier_is_used_once() -> None:
    queue = hold(Queue(), escalation(1))
    with pytest.raises(ValueError, match="known already"):
        hold(queue, escalation(1))
    queue, _ = cancel(queue, "e1", 0, "")
    with pytest.raises(ValueError, match="known already"):
        hold(queue, escalation(1))


@given(st.lists(st.floats(0, 1000), max_size=20), st.floats(0, 2000))
def test_expiry_takes_exactly_those_whose_time_has_come(raised: list[float], now: float) -> None:
    queue = Queue()
    for number, when in enumerate(raised):
        queue = hold(queue, escalation(number, when))
    after, ended = expire(queue, now, "")
    assert {each.id for each in ended} == {each.id for each in queue.pending.values() if each.deadline <= now}
    assert set(after.pending) == set(queue.pending) - {each.id for each in ended}
    due = next_deadline(after)
    assert due is None or due > now


class AnyOrder(RuleBasedStateMachine):
    """Whatever comes in whatever order: each question ends once, and only by its own digest."""

    @initialize()
    def begin(self) -> None:
        self.queue = Queue()
        self.now = 0.0
        self.held: dict[str, Escalation] = {}
        self.ends: dict[str, list[EscalationState]] = {}

    @rule(timeout=st.floats(30, 600))
    def raise_one(self, timeout: float) -> None:
        new = escalation(len(self.held), self.now, timeout)
        self.queue = hold(self.queue, new)
        self.held[new.id] = new
        self.ends[new.id] = []

    @rule(seconds=st.floats(0, 400))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.held)
    @rule(data=st.data(), approve=st.booleans(), wrong=st.booleans())
    def answer(self, data: st.DataObject, approve: bool, wrong: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        digest = "f" * 64 if wrong else self.held[name].card.digest
        open_before = not self.ends[name] and self.now < self.held[name].deadline
        try:
            self.queue, ended = decide(self.queue, name, digest, approve=approve, now=self.now, note="")
        except DecisionRefused:
            assert wrong or not open_before
        else:
            assert open_before
            assert not wrong
            self.ends[name].append(ended.state)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def hang_up(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.held)))
        self.queue, ended = cancel(self.queue, name, self.now, "")
        assert (ended is None) == bool(self.ends[name])
        if ended is not None:
            self.ends[name].append(ended.state)

    @rule()
    def tick(self) -> None:
        self.queue, ended = expire(self.queue, self.now, "")
        for each in ended:
            self.ends[each.id].append(each.state)

    @invariant()
    def once(self) -> None:
        for name, ends in getattr(self, "ends", {}).items():
            assert len(ends) <= 1
            assert (name in self.queue.pending) == (not ends)


TestAnyOrder = AnyOrder.TestCase
