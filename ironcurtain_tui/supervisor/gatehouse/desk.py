"""Where a person's words take effect: decisions, grants, and the doors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from ironcurtain_tui.audit.log import AuditUnavailable
from ironcurtain_tui.control.messages import (
    AlwaysPreview,
    Decide,
    DecisionRefused,
    PreviewAlways,
    Revoke,
    ScopeKind,
    SetDoors,
)
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.escalations import haste
from ironcurtain_tui.escalations import queue as core
from ironcurtain_tui.escalations.domains import requested_rule
from ironcurtain_tui.events import DoorsChanged, DoorState, EscalationState
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.policy.rules import Rule
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.approvals import Approvals
from ironcurtain_tui.supervisor.gatehouse.barrier import Barrier
from ironcurtain_tui.supervisor.gatehouse.leases import Leases

PERSON = "the person"

Record = Callable[[str, str, object], Awaitable[None]]
"""Kind, summary and data of something that happened, for the audit log."""


class StandingPolicy(Protocol):
    """The policy, as far as answers change it."""

    def draft(self, action: Action) -> Rule | None:
        """The rule that means "the same again"; None when there is none that would be safe."""

    async def preview(self, action: Action) -> tuple[str, tuple[str, ...]]:
        """The TOML of a rule that would always allow ``action``, and past decisions that it would have changed."""

    async def always(self, action: Action) -> str:
        """Add that rule and put it in force; what it is, in a line. UserFacingError when that is impossible."""


class Desk:
    """Carries out what viewers ask. Everything here was asked by a message of a person's own doing."""

    def __init__(
        self,
        approvals: Approvals,
        leases: Leases,
        barrier: Barrier,
        policy: StandingPolicy,
        bulletin: Bulletin,
        record: Record,
        cut_doors: Callable[[], Awaitable[None]],
    ) -> None:
        """``cut_doors`` shuts both doors for good."""
        self._approvals = approvals
        self._leases = leases
        self._barrier = barrier
        self._policy = policy
        self._bulletin = bulletin
        self._record = record
        self._cut_doors = cut_doors
        self._streak = 0
        """Hasty approvals in a row, whichever viewer they came from."""

    async def decide(self, message: Decide) -> DecisionRefused | None:
        """Carry out a decision; an answer when it had no effect."""
        action = self._approvals.action(message.escalation)
        try:
            self._check_scope(message, action)
            self._check_haste(message)
            if message.approve and message.scope is ScopeKind.ALWAYS:
                return await self._always(message, action)
            approved = await self._decide(message, _words(message))
        except core.DecisionRefused as refused:
            return DecisionRefused(escalation=message.escalation, reason=str(refused))
        except AuditUnavailable as error:
            return DecisionRefused(escalation=message.escalation, reason=error.message)
        if approved and action is not None and self._grant(message, action):
            await self._release_covered()
        return None

    def _check_scope(self, message: Decide, action: Action | None) -> None:
        """Raise DecisionRefused when what is approved cannot be granted for longer."""
        counted = message.scope in (ScopeKind.MINUTES, ScopeKind.USES)
        if counted and message.amount < 1:
            raise core.DecisionRefused("give the number of minutes or uses")
        longer = counted or message.scope is ScopeKind.SESSION
        if message.approve and longer and action is not None and self._policy.draft(action) is None:
            raise core.DecisionRefused("no rule can say safely what the same again would be: approve it once")

    def _check_haste(self, message: Decide) -> None:
        """Raise DecisionRefused for a risky approval without the word that a streak of hasty ones asks for."""
        if message.approve:
            escalation = self._approvals.check(message.escalation, message.digest)
            if haste.word_missing(escalation, message.word, self._streak):
                raise core.DecisionRefused(f"it is risky and the last answers were instant: type {haste.WORD}")

    async def _decide(self, message: Decide, scope: str) -> bool:
        """Whether it is approved by now: it was recorded, and somebody still waited."""
        ended = await self._approvals.decide(
            message.escalation,
            message.digest,
            approve=message.approve,
            by=PERSON,
            scope=scope,
            sentence="" if message.approve else message.sentence,
            hasty=message.hasty,
        )
        self._streak = haste.hasty_streak([ended], self._streak)
        return ended.state is EscalationState.APPROVED

    async def _always(self, message: Decide, action: Action | None) -> DecisionRefused | None:
        """The rule first: when it cannot be written, nothing is decided."""
        waiting = self._approvals.check(message.escalation, message.digest)
        if action is None:
            raise core.DecisionRefused(f"nobody waits for {waiting.id} any more")
        try:
            rule = await self._policy.always(action)
        except UserFacingError as error:
            return DecisionRefused(escalation=message.escalation, reason=str(error))
        await self._record("policy.rule", f"the person added a rule: {rule}", {"rule": rule, "digest": message.digest})
        await self._decide(message, "always")
        await self._release_covered()
        return None

    def _grant(self, message: Decide, action: Action) -> bool:
        """Give what the scope asks for; False for an approval that leaves nothing behind."""
        minutes = message.amount if message.scope is ScopeKind.MINUTES else 0
        uses = message.amount if message.scope is ScopeKind.USES else 0
        rule = self._policy.draft(action)
        if rule is None:
            return False
        if requested_rule(action) is not None:  # the effect of such a call is the grant itself
            self._leases.give(rule, minutes=minutes, uses=1 if message.scope is ScopeKind.ONCE else uses)
        elif message.scope is ScopeKind.SESSION or minutes > 0:
            self._leases.give(rule, minutes=minutes)
        elif uses > 1:  # the first is the one just approved
            self._leases.give(rule, uses=uses - 1)
        else:
            return False
        return True

    async def _release_covered(self) -> None:
        """What waits and is covered by a grant by now need not wait any longer."""
        for escalation in self._approvals.pending:
            action = self._approvals.action(escalation.id)
            lease = self._leases.use(action) if action is not None else None
            if lease is None:
                continue
            try:
                await self._approvals.decide(
                    escalation.id, escalation.card.digest, approve=True, by=f"grant {lease.id}", scope="covered"
                )
            except core.DecisionRefused:
                pass  # it ended meanwhile

    async def preview(self, message: PreviewAlways) -> AlwaysPreview:
        """What "always" would write, and what it would have changed."""
        action = self._approvals.action(message.escalation)
        if action is None:
            return AlwaysPreview(request=message.request, rule="", effects=("It no longer waits.",))
        try:
            rule, effects = await self._policy.preview(action)
        except UserFacingError as error:
            rule, effects = "", (str(error),)
        return AlwaysPreview(request=message.request, rule=rule, effects=effects)

    async def revoke(self, message: Revoke) -> None:
        """Take back one grant or all."""
        for lease in self._leases.revoke(message.grant):
            await self._record("grant.revoked", f"the person took back: {lease.rule.name}", {"grant": lease.id})

    async def set_doors(self, message: SetDoors) -> None:
        """Pause, reopen or cut. Cutting denies whatever waits and cannot be undone."""
        if not self._barrier.set(message.doors):
            return
        self._approvals.stand_still(message.doors is DoorState.PAUSED)
        self._bulletin.publish(DoorsChanged(doors=message.doors))
        words = {
            DoorState.OPEN: "both doors are open again",
            DoorState.PAUSED: "both doors are paused: everything waits, clocks stand still",
            DoorState.CUT: "both doors are shut for good",
        }[message.doors]
        if message.doors is DoorState.CUT:
            await self._cut_doors()
            self._leases.revoke("")
            await self._approvals.deny_all(PERSON, "the session is cut off")
        await self._record("doors", f"{words} (by the person)", {"doors": message.doors.value})


def _words(message: Decide) -> str:
    match message.scope:
        case ScopeKind.MINUTES:
            return f"for {message.amount} minutes"
        case ScopeKind.USES:
            return f"for {message.amount} uses"
        case ScopeKind.SESSION:
            return "for this session"
        case _:
            return message.scope.value
