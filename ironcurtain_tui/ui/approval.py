"""What the keys mean in front of a card: when an answer counts, and which message it becomes.

A state machine without a screen; every method gives a new state. It holds the law that an approval can only come
from a deliberate act: whenever something appeared, moved or changed, and after every other key, the keys do nothing
for a moment (*arming*), so that no burst of typing answers anything; nothing can be approved unless all of it was on
the screen; what destroys or leaves the machine needs a second key, and a typed word from a person who answers faster
than anybody reads. A decision names the identifier and digest of what is shown when the key falls, never of what came
after it.

Times are seconds on a clock that only goes forward.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from ironcurtain_tui.control.messages import Decide, PreviewAlways, ScopeKind
from ironcurtain_tui.escalations.haste import INSTANT_SECONDS, STREAK, WORD
from ironcurtain_tui.events import Escalation
from ironcurtain_tui.ui.keymap import Command

ARMING_SECONDS = 0.6
"""How long nothing may have changed, and no stray key have fallen, before keys count."""
MINUTES_MOST = 24 * 60
USES_MOST = 1_000
ROOM = (60, 16)
"""Columns and lines of the terminal under which nothing can be approved."""

Effect = Decide | PreviewAlways


class Step(StrEnum):
    """How far the answer has come."""

    CARD = "card"
    """The card is shown, a key is the answer."""
    MINUTES = "minutes"
    """The input line asks for how many."""
    USES = "uses"
    SENTENCE = "sentence"
    """The input line asks for what to tell the agent."""
    ASKED_RULE = "asked-rule"
    """Waits for the rule that "always" would write."""
    RULE = "rule"
    """The rule and its effects are shown instead of the card."""
    CONFIRM = "confirm"
    """The second key is awaited."""
    WORD = "word"
    """The input line asks for the typed word."""
    SENT = "sent"
    """Answered; what became of it will come from the supervisor."""


ASKING = {Step.MINUTES, Step.USES, Step.SENTENCE, Step.WORD}
"""Steps in which the person types into the input line."""

SCOPES = {
    Command.APPROVE: ScopeKind.ONCE,
    Command.APPROVE_SESSION: ScopeKind.SESSION,
    Command.APPROVE_MINUTES: ScopeKind.MINUTES,
    Command.APPROVE_USES: ScopeKind.USES,
    Command.APPROVE_ALWAYS: ScopeKind.ALWAYS,
}
ANSWERS = {*SCOPES, Command.DENY, Command.DENY_SAYING, Command.CONFIRM}
"""Commands that answer; no others come here."""


ONCE_ONLY = frozenset({"unseen", "budget", "log"})
"""Kinds of cards that no rule could be about."""


@dataclass(frozen=True)
class Held:
    """A held action as it is on the screen."""

    id: str
    digest: str
    risky: bool = False
    once_only: bool = False
    """Whether no rule can be about it: it is approved as it is or not at all."""


def held(escalation: Escalation) -> Held:
    """What matters of ``escalation`` for answering it."""
    card = escalation.card
    return Held(escalation.id, card.digest, card.risky, card.kind in ONCE_ONLY)


@dataclass(frozen=True)
class Choice:
    """What the person wants, before it is confirmed."""

    approve: bool
    scope: ScopeKind = ScopeKind.ONCE
    amount: int = 0
    sentence: str = ""


Stepped = tuple["Approval", tuple[Effect, ...]]


@dataclass(frozen=True)
class Approval:
    """One card on the screen, or several that are answered together, and how far the answer has come."""

    subject: tuple[Held, ...] = ()
    """What is shown; empty when nothing that can be answered is."""
    step: Step = Step.CARD
    choice: Choice | None = None
    shown_at: float = 0.0
    still_since: float = 0.0
    """Since when nothing has changed and no key has fallen that is no answer."""
    read_at: float | None = None
    """When the last part of what is shown had come on the screen; None: not all of it has."""
    roomy: bool = True
    """Whether the terminal is large enough to show a card."""
    haste: int = 0
    """Hasty approvals in a row."""
    hasty: bool = False
    """Whether the present answer was begun hastily."""
    request: int = 0
    """Number of the newest question for a rule."""
    hint: str = ""
    """Why the last key did nothing, in words."""

    # --- what happens to the screen --------------------------------------------------------------------

    def show(self, subject: tuple[Held, ...], now: float) -> Approval:
        """``subject`` is on the screen from ``now`` on. Anything but the same as before starts from the beginning."""
        if subject == self.subject:
            return self
        fresh = Approval(subject, shown_at=now, still_since=now)
        return replace(fresh, roomy=self.roomy, haste=self.haste, request=self.request)

    def startle(self, now: float) -> Approval:
        """The text moved, was covered, or a key fell that is no answer: keys do nothing for a moment."""
        return replace(self, still_since=now)

    def moved(self, now: float, roomy: bool) -> Approval:
        """The card was laid out anew: what had been read may be elsewhere now."""
        return replace(self.startle(now), read_at=None, roomy=roomy)

    def read(self, now: float) -> Approval:
        """All of what is shown has been on the screen."""
        return self if self.read_at is not None else replace(self, read_at=now, hint="")

    def hurried(self, streak: int) -> Approval:
        """So many hasty approvals in a row the session knows of, given here or elsewhere."""
        return self if streak <= self.haste else replace(self, haste=streak)

    def refused(self, reason: str, now: float) -> Approval:
        """The supervisor did not take the answer, for ``reason``; what is still shown can be answered again."""
        return self._begin_again(now, reason)

    def rule_came(self, request: int, now: float) -> Approval:
        """The rule that was asked for by ``request`` is shown now instead of the card."""
        if self.step is not Step.ASKED_RULE or request != self.request:
            return self
        return replace(self, step=Step.RULE, still_since=now, read_at=None)

    # --- what can be said of it ------------------------------------------------------------------------

    @property
    def risky(self) -> bool:
        """Whether any of it destroys or leaves the machine."""
        return any(held.risky for held in self.subject)

    @property
    def together(self) -> bool:
        """Whether several are answered at once."""
        return len(self.subject) > 1

    @property
    def once_only(self) -> bool:
        """Whether it cannot be approved for longer."""
        return self.together or any(held.once_only for held in self.subject)

    def arming(self, now: float) -> float:
        """Seconds until keys count; 0 when they do."""
        return max(0.0, self.still_since + ARMING_SECONDS - now)

    @property
    def rule_shown(self) -> bool:
        """Whether the rule is on the screen, not the card."""
        about_rule = self.choice is not None and self.choice.scope is ScopeKind.ALWAYS
        return about_rule and self.step in (Step.RULE, Step.WORD, Step.SENT)

    @property
    def obstacle(self) -> str:
        """Why it cannot be approved as it stands, in words; empty when it can."""
        if not self.roomy:
            return f"The terminal is too small to show all: approving needs {ROOM[0]} x {ROOM[1]}. Denying works."
        if self.together and self.risky:
            return "Risky ones are never approved together: Esc, then decide them one at a time."
        if self.read_at is None:
            return "Not all of it was on the screen yet: Space shows the next part."
        return ""

    # --- what the person does ----------------------------------------------------------------------------

    def back(self, now: float) -> Approval:
        """Take back what was chosen, as long as it was not sent."""
        return self if self.step in (Step.CARD, Step.SENT) else self._begin_again(now)

    def press(self, command: Command, now: float) -> Stepped:
        """One of ``ANSWERS``. Gives the messages that are to be sent, none while it does not count."""
        if not self.subject or self.step is Step.SENT or self.step in ASKING:
            return self, ()
        if self.arming(now):
            return self.startle(now), ()
        plain = replace(self, hint="")
        if self.step is Step.CARD:
            return plain._choose(command, now)
        if command is Command.CONFIRM:
            if self.step is Step.CONFIRM:
                return plain._send(now)
            if self.step is Step.RULE:
                return plain._ask_word_or_send(now)
        return plain.back(now), ()

    def enter(self, text: str, now: float) -> Stepped:
        """The input line was finished with ``text``."""
        if not self.subject or self.choice is None or self.step not in ASKING or self.arming(now):
            return self, ()
        text = text.strip()
        match self.step:
            case Step.MINUTES | Step.USES:
                most = MINUTES_MOST if self.step is Step.MINUTES else USES_MOST
                amount = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0
                if not 1 <= amount <= most:
                    return replace(self, hint=f"A whole number from 1 to {most:,}, please."), ()
                return replace(self, choice=replace(self.choice, amount=amount), hint="")._weigh(now)
            case Step.SENTENCE:
                return replace(self, choice=replace(self.choice, sentence=text), hint="")._weigh(now)
            case _:
                if text.casefold() != WORD:
                    return self._begin_again(now, f"Not approved: the word was not {WORD}."), ()
                return self._send(now, WORD)

    def _begin_again(self, now: float, hint: str = "") -> Approval:
        another_page = self.choice is not None and self.choice.scope is ScopeKind.ALWAYS
        read_at = None if another_page else self.read_at
        return replace(self, step=Step.CARD, choice=None, still_since=now, read_at=read_at, hint=hint)

    def _choose(self, command: Command, now: float) -> Stepped:
        if command is Command.CONFIRM:
            return replace(self.startle(now), hint="First choose an answer, then confirm it."), ()
        if command is Command.DENY:
            return replace(self, choice=Choice(approve=False))._weigh(now)
        if command is Command.DENY_SAYING:
            return replace(self, choice=Choice(approve=False), step=Step.SENTENCE), ()
        if self.obstacle:
            return replace(self.startle(now), hint=self.obstacle), ()
        scope = SCOPES[command]
        if self.once_only and scope is not ScopeKind.ONCE:
            what = "Several together" if self.together else "This"
            return replace(self.startle(now), hint=f"{what} can only be approved once."), ()
        hasty = now - self.shown_at < INSTANT_SECONDS
        chosen = replace(self, choice=Choice(approve=True, scope=scope), hasty=hasty)
        match scope:
            case ScopeKind.MINUTES:
                return replace(chosen, step=Step.MINUTES), ()
            case ScopeKind.USES:
                return replace(chosen, step=Step.USES), ()
            case ScopeKind.ALWAYS:
                asked = replace(chosen, step=Step.ASKED_RULE, request=self.request + 1)
                return asked, (PreviewAlways(request=asked.request, escalation=self.subject[0].id),)
        return chosen._weigh(now)

    def _weigh(self, now: float) -> Stepped:
        """The answer is complete: does it need to be confirmed?"""
        approve = self.choice is not None and self.choice.approve
        if approve and self.risky:
            if self.haste >= STREAK:
                return replace(self, step=Step.WORD, still_since=now), ()
            return replace(self, step=Step.CONFIRM, still_since=now), ()
        if self.together:
            return replace(self, step=Step.CONFIRM, still_since=now), ()
        return self._send(now)

    def _ask_word_or_send(self, now: float) -> Stepped:
        if self.risky and self.haste >= STREAK and not self.obstacle:
            return replace(self, step=Step.WORD, still_since=now), ()
        return self._send(now)

    def _send(self, now: float, word: str = "") -> Stepped:
        choice = self.choice
        if choice is None:
            return self, ()
        if choice.approve and self.obstacle:
            return replace(self, hint=self.obstacle), ()
        haste = self.haste + 1 if choice.approve and self.hasty else 0
        sent = replace(self, step=Step.SENT, haste=haste, still_since=now, hint="")
        return sent, tuple(
            Decide(
                escalation=held.id,
                digest=held.digest,
                approve=choice.approve,
                scope=choice.scope,
                amount=choice.amount,
                sentence=choice.sentence,
                word=word,
                hasty=choice.approve and self.hasty,
            )
            for held in self.subject
        )
