"""The law of approvals, on the machine that holds it: exhaustively where that is possible, else with Hypothesis."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ironcurtain_tui.control.messages import Decide, PreviewAlways, ScopeKind
from ironcurtain_tui.escalations.haste import STREAK
from ironcurtain_tui.ui.approval import (
    ANSWERS,
    ARMING_SECONDS,
    ASKING,
    MINUTES_MOST,
    SCOPES,
    USES_MOST,
    Approval,
    Held,
    Step,
)
from ironcurtain_tui.ui.keymap import CARD, PLACES, Command, Keymap, Place

CALM = Held("e1", "d1")
RISKY = Held("e2", "d2", risky=True)
LATER = 5.0


def ready(*subject: Held, haste: int = 0) -> Approval:
    """A card that was shown and read at 0; it can be answered from ARMING_SECONDS on."""
    return replace(Approval(haste=haste).show(subject or (CALM,), 0.0).read(0.0))


def after(approval: Approval, command: Command, now: float = LATER) -> Approval:
    return approval.press(command, now)[0]


class TestAnswers:
    @pytest.mark.parametrize("command", [Command.APPROVE, Command.APPROVE_SESSION])
    def test_one_key_answers_what_is_not_risky(self, command: Command) -> None:
        approval, sent = ready().press(command, LATER)
        assert sent == (Decide(escalation="e1", digest="d1", approve=True, scope=SCOPES[command]),)
        assert approval.step is Step.SENT

    @pytest.mark.parametrize(
        ("command", "step", "most"),
        [(Command.APPROVE_MINUTES, Step.MINUTES, MINUTES_MOST), (Command.APPROVE_USES, Step.USES, USES_MOST)],
    )
    def test_minutes_and_uses_ask_how_many(self, command: Command, step: Step, most: int) -> None:
        approval, sent = ready().press(command, LATER)
        assert (approval.step, sent) == (step, ())
        for wrong in ("", "0", "-1", "x", "1.5", "٣", str(most + 1), "9" * 30):
            asked, sent = approval.enter(wrong, LATER)
            assert sent == ()
            assert str(f"{most:,}") in asked.hint
        _, sent = approval.enter(f" {most} ", LATER)
        assert sent == (Decide(escalation="e1", digest="d1", approve=True, scope=SCOPES[command], amount=most),)

    def test_denying_takes_one_key(self) -> None:
        _, sent = ready(RISKY).press(Command.DENY, LATER)
        assert sent == (Decide(escalation="e2", digest="d2", approve=False),)

    def test_denying_with_a_sentence(self) -> None:
        approval = after(ready(), Command.DENY_SAYING)
        assert approval.step is Step.SENTENCE
        _, sent = approval.enter(" not on a Friday ", LATER)
        assert sent == (Decide(escalation="e1", digest="d1", approve=False, sentence="not on a Friday"),)

    def test_always_shows_the_rule_and_wants_it_read_and_confirmed(self) -> None:
        approval, sent = ready().press(Command.APPROVE_ALWAYS, LATER)
        assert sent == (PreviewAlways(request=1, escalation="e1"),)
        assert approval.rule_came(7, LATER).step is Step.ASKED_RULE
        shown = approval.rule_came(1, LATER)
        assert shown.rule_shown
        unread, sent = shown.press(Command.CONFIRM, LATER + 1)
        assert (unread.step, sent) == (Step.RULE, ())
        read = shown.read(LATER + 1)
        assert read.press(Command.APPROVE, LATER + 1)[1] == ()
        _, sent = read.press(Command.CONFIRM, LATER + 1)
        assert sent == (Decide(escalation="e1", digest="d1", approve=True, scope=ScopeKind.ALWAYS),)

    def test_what_is_risky_needs_the_second_key(self) -> None:
        approval, sent = ready(RISKY).press(Command.APPROVE, LATER)
        assert (approval.step, sent) == (Step.CONFIRM, ())
        assert approval.press(Command.CONFIRM, LATER + 0.1)[1] == ()
        assert approval.press(Command.APPROVE, LATER + 1)[0].step is Step.CARD
        _, sent = approval.press(Command.CONFIRM, LATER + 1)
        assert sent == (Decide(escalation="e2", digest="d2", approve=True),)

    @pytest.mark.parametrize("command", SCOPES)
    def test_no_single_key_approves_what_is_risky(self, command: Command) -> None:
        assert not any(isinstance(effect, Decide) for effect in ready(RISKY).press(command, LATER)[1])

    def test_the_second_key_alone_does_nothing(self) -> None:
        approval, sent = ready(RISKY).press(Command.CONFIRM, LATER)
        assert (approval.step, sent) == (Step.CARD, ())

    def test_answered_is_answered(self) -> None:
        approval = after(ready(), Command.APPROVE)
        for command in ANSWERS:
            assert approval.press(command, LATER + 9)[1] == ()

    def test_a_refused_answer_can_be_given_again(self) -> None:
        approval = after(ready(), Command.APPROVE).refused("gone", LATER)
        assert approval.hint == "gone"
        assert approval.press(Command.APPROVE, LATER + 0.1)[1] == ()
        assert approval.press(Command.APPROVE, LATER + 1)[1]


class TestHaste:
    def test_three_hasty_approvals_ask_for_the_word(self) -> None:
        approval, now = Approval(), 0.0
        for number in range(STREAK):
            approval = approval.show((Held(f"e{number}", "d"),), now).read(now)
            now += ARMING_SECONDS + 0.1
            approval, sent = approval.press(Command.APPROVE, now)
            assert sent
        approval = approval.show((RISKY,), now).read(now)
        approval, sent = approval.press(Command.APPROVE, now + 1)
        assert (approval.step, sent) == (Step.WORD, ())
        assert approval.enter("no", now + 9)[0].step is Step.CARD
        _, (decision,) = approval.enter("yes", now + 9)
        assert decision == Decide(escalation="e2", digest="d2", approve=True, word="yes", hasty=True)

    @pytest.mark.parametrize("command", [Command.APPROVE, Command.DENY])
    def test_a_slow_answer_or_a_denial_ends_the_streak(self, command: Command) -> None:
        assert after(ready(haste=STREAK), command, LATER).haste == 0

    def test_the_word_comes_after_the_rule_too(self) -> None:
        approval = after(ready(RISKY, haste=STREAK), Command.APPROVE_ALWAYS).rule_came(1, LATER).read(LATER)
        approval, sent = approval.press(Command.CONFIRM, LATER + 1)
        assert (approval.step, approval.rule_shown, sent) == (Step.WORD, True, ())

    def test_time_spent_reading_is_no_haste(self) -> None:
        approval = Approval().show((CALM,), 0.0).read(60.0)
        assert after(approval, Command.APPROVE, 60.7).haste == 0


class TestTogether:
    SEVERAL = (CALM, Held("e3", "d3"))

    @pytest.mark.parametrize(("command", "approve"), [(Command.APPROVE, True), (Command.DENY, False)])
    def test_several_need_the_second_key_and_name_every_digest(self, command: Command, approve: bool) -> None:
        approval, sent = ready(*self.SEVERAL).press(command, LATER)
        assert (approval.step, sent) == (Step.CONFIRM, ())
        _, sent = approval.press(Command.CONFIRM, LATER + 1)
        assert [(each.escalation, each.digest, each.approve) for each in sent if isinstance(each, Decide)] == [
            ("e1", "d1", approve),
            ("e3", "d3", approve),
        ]

    def test_risky_ones_are_never_approved_together(self) -> None:
        approval, sent = ready(CALM, RISKY).press(Command.APPROVE, LATER)
        assert (approval.step, sent) == (Step.CARD, ())
        assert after(ready(CALM, RISKY), Command.DENY).press(Command.CONFIRM, LATER + 1)[1]

    @pytest.mark.parametrize("command", SCOPES.keys() - {Command.APPROVE})
    def test_no_wider_scope_for_several(self, command: Command) -> None:
        assert ready(*self.SEVERAL).press(command, LATER)[1] == ()

    @pytest.mark.parametrize("command", SCOPES.keys() - {Command.APPROVE})
    def test_no_wider_scope_for_what_no_rule_is_about(self, command: Command) -> None:
        once = Held("e1", "d1", once_only=True)
        assert ready(once).press(command, LATER)[1] == ()
        assert len(ready(once).press(Command.APPROVE, LATER)[1]) == 1

    def test_one_of_them_vanishing_starts_anew(self) -> None:
        confirming = after(ready(*self.SEVERAL), Command.APPROVE)
        left = confirming.show((CALM,), LATER)
        assert left.step is Step.CARD
        assert left.read_at is None
        assert left.press(Command.CONFIRM, LATER + 0.1)[1] == ()


class TestObstacles:
    @pytest.mark.parametrize("command", SCOPES)
    def test_what_was_not_all_on_the_screen_cannot_be_approved(self, command: Command) -> None:
        approval, sent = Approval().show((CALM,), 0.0).press(command, LATER)
        assert sent == ()
        assert "Space" in approval.hint

    @pytest.mark.parametrize("command", SCOPES)
    def test_a_tiny_terminal_cannot_approve(self, command: Command) -> None:
        approval, sent = ready().moved(0.0, roomy=False).read(0.0).press(command, LATER)
        assert sent == ()
        assert "too small" in approval.hint
        assert ready().moved(0.0, roomy=False).press(Command.DENY, LATER)[1]

    def test_a_terminal_that_shrinks_before_the_second_key(self) -> None:
        approval = after(ready(RISKY), Command.APPROVE).moved(LATER, roomy=False)
        assert approval.press(Command.CONFIRM, LATER + 1)[1] == ()

    def test_moving_means_reading_and_arming_again(self) -> None:
        approval = ready().moved(LATER, roomy=True)
        assert approval.read_at is None
        assert approval.arming(LATER) == pytest.approx(ARMING_SECONDS)


class TestArming:
    @pytest.mark.parametrize("command", ANSWERS)
    @pytest.mark.parametrize("passed", [0.0, 0.3, ARMING_SECONDS - 0.001])
    def test_in_the_first_moments_no_key_counts(self, command: Command, passed: float) -> None:
        approval, sent = ready().press(command, passed)
        assert sent == ()
        assert approval.step is Step.CARD
        assert approval.arming(passed) == pytest.approx(ARMING_SECONDS)

    @pytest.mark.parametrize("disturb", ["startle", "another", "moved"])
    def test_every_change_arms_again(self, disturb: str) -> None:
        approval = ready()
        changed = {
            "startle": lambda: approval.startle(LATER),
            "another": lambda: approval.show((Held("e1", "another digest"),), LATER).read(LATER),
            "moved": lambda: approval.moved(LATER, roomy=True).read(LATER),
        }[disturb]()
        assert changed.press(Command.APPROVE, LATER + ARMING_SECONDS / 2)[1] == ()
        assert changed.press(Command.APPROVE, LATER + ARMING_SECONDS + 0.01)[1]

    def test_what_vanished_cannot_be_answered(self) -> None:
        gone = ready().show((), 0.0)
        for command in ANSWERS:
            assert gone.press(command, LATER)[1] == ()

    @pytest.mark.parametrize("command", [Command.APPROVE_MINUTES, Command.APPROVE_USES, Command.DENY_SAYING])
    def test_what_vanished_while_typing_is_not_answered(self, command: Command) -> None:
        asking = after(ready(), command)
        assert asking.step in ASKING
        assert asking.show((RISKY,), LATER).read(LATER).enter("5", LATER + 9)[1] == ()

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(sorted({k for row in CARD for k in row.keys} | set("tixzry,. "))),
                st.floats(0, ARMING_SECONDS - 0.01),
            ),
            max_size=60,
        ),
        st.booleans(),
    )
    def test_no_burst_of_typing_answers_anything(self, typed: list[tuple[str, float]], risky: bool) -> None:
        """Whatever is typed into the queue without pausing, as by somebody who thinks to be elsewhere."""
        keymap, now, approval = Keymap(), 0.0, ready(RISKY if risky else CALM)
        for key, gap in typed:
            now += gap
            command = keymap.press(False, Place.CARD, key).command
            if command in ANSWERS:
                approval, sent = approval.press(command, now)
                assert sent == ()
            else:
                approval = approval.startle(now)


@pytest.mark.parametrize("place", Place)
def test_only_before_a_card_is_any_key_an_answer(place: Place) -> None:
    answers = {row.command for row in PLACES[place]} & ANSWERS
    assert answers == (ANSWERS if place is Place.CARD else set())


@given(st.lists(st.one_of(st.sampled_from([k for row in CARD for k in row.keys]), st.text(min_size=1, max_size=3))))
def test_no_key_typed_to_the_agent_is_an_answer(keys: list[str]) -> None:
    keymap, prefixed = Keymap(), False
    for key in keys:
        pressed = keymap.press(prefixed, Place.AGENT, key)
        assert pressed.command not in ANSWERS
        prefixed = pressed.prefixed


class Life(RuleBasedStateMachine):
    """Everything that can happen, in any order, against the law in plain words."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.approval = Approval()
        self.page = 0  # counts pages: a card, or the rule instead of it, or either laid out anew
        self.read_page = -1
        self.shown_since = 0.0
        self.second_key = False

    def disturbed(self) -> None:
        self.shown_since = self.now

    @rule(seconds=st.sampled_from([0.0, 0.1, 0.5, 0.59, 0.6, 0.7, 3.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(subject=st.lists(st.sampled_from([CALM, RISKY, Held("e1", "d9"), Held("e3", "d3")]), max_size=3, unique=True))
    def show(self, subject: list[Held]) -> None:
        if tuple(subject) != self.approval.subject:
            self.page += 1
            self.disturbed()
        self.approval = self.approval.show(tuple(subject), self.now)

    @rule(roomy=st.booleans())
    def move(self, roomy: bool) -> None:
        self.page += 1
        self.disturbed()
        self.approval = self.approval.moved(self.now, roomy)

    @rule()
    def read(self) -> None:
        self.read_page = self.page
        self.approval = self.approval.read(self.now)

    @rule()
    def startle(self) -> None:
        self.disturbed()
        self.approval = self.approval.startle(self.now)

    @rule()
    def back(self) -> None:
        self.note(self.approval.back(self.now))

    @rule()
    def refused(self) -> None:
        self.note(self.approval.refused("no", self.now))

    @rule(right=st.booleans())
    def rule_comes(self, right: bool) -> None:
        self.note(self.approval.rule_came(self.approval.request + (not right), self.now))

    @rule(command=st.sampled_from(sorted(ANSWERS)))
    def press(self, command: Command) -> None:
        before = self.approval
        approval, sent = before.press(command, self.now)
        if command is not Command.CONFIRM and before.risky:
            assert not any(isinstance(each, Decide) and each.approve for each in sent)
        self.judge(before, sent)
        self.note(approval)

    @precondition(lambda self: self.approval.step in ASKING)
    @rule(text=st.sampled_from(["5", "yes", "no", "because", "0"]))
    def enter(self, text: str) -> None:
        before = self.approval
        approval, sent = before.enter(text, self.now)
        self.judge(before, sent)
        self.note(approval)

    def note(self, approval: Approval) -> None:
        if approval.rule_shown != self.approval.rule_shown and approval.step is not Step.SENT:
            self.page += 1
        self.approval = approval

    def judge(self, before: Approval, sent: tuple[object, ...]) -> None:
        if not sent:
            return
        assert self.now - self.shown_since >= ARMING_SECONDS - 1e-9
        decided = [each for each in sent if isinstance(each, Decide)]
        if decided:
            assert [(each.escalation, each.digest) for each in decided] == [(h.id, h.digest) for h in before.subject]
        for each in decided:
            if each.approve:
                assert before.roomy
                assert self.read_page == self.page
                assert len(decided) == 1 or not before.risky
                if before.risky:
                    assert before.step in (Step.CONFIRM, Step.RULE, Step.WORD)
                assert (each.scope in (ScopeKind.MINUTES, ScopeKind.USES)) == (each.amount > 0)

    @invariant()
    def says_something_true(self) -> None:
        assert self.approval.arming(self.now) <= ARMING_SECONDS + 1e-9
        assert not (self.approval.step in ASKING and self.approval.choice is None)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
