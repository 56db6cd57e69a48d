"""The one place where an action is decided and the decision made durable before anything happens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from functools import partial
from typing import Protocol

import msgspec

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.card import Evidence
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import AuditLine, Card, Decision, EscalationState, Flow, FlowState
from ironcurtain_tui.gateway.gate import Outcome
from ironcurtain_tui.packages.package import Package
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel, Verdict
from ironcurtain_tui.supervisor.gatehouse.approvals import Answer, Approvals
from ironcurtain_tui.supervisor.gatehouse.barrier import Barrier
from ironcurtain_tui.supervisor.gatehouse.consents import Consents
from ironcurtain_tui.supervisor.gatehouse.leases import Leases
from ironcurtain_tui.supervisor.gatehouse.record_room import RecordRoom
from ironcurtain_tui.supervisor.gatehouse.refusals import Refusals
from ironcurtain_tui.supervisor.gatehouse.treasurer import Treasurer
from ironcurtain_tui.tasks import TaskOwner

SHOWN = 200
"""Characters of the agent's words in a summary; the record itself has all of them."""

MOST_HIDDEN = 50
"""Versions of one package that a record names as held back."""

NO_AUDIT = Verdict(
    decision=Decision.DENY,
    reason="the audit log cannot be written, so nothing may happen",
    rule="audit-first",
    retry=True,
)
LEAK = Verdict(
    decision=Decision.DENY,
    reason="a placeholder key stands in the arguments, where it does not belong",
    rule="tripwire",
)
FLOODED = Verdict(
    decision=Decision.DENY,
    reason="too much was refused in a short time; slow down",
    rule="refusal-rate",
    answer_status=429,
    retry=True,
)
SELF_TEST = Verdict(decision=Decision.ESCALATE, reason="the self-test asks whether this door answers", rule="self-test")
LEFT = "the agent closed the connection before it was sent"
CUT = Verdict(decision=Decision.DENY, reason="the person has cut this session off", rule="cut")


def summary_of(action: Action) -> str:
    """One line that says what was asked."""
    match action:
        case HttpRequest(package=Package() as package):
            line = f"{action.method} {package.title} from {action.host}"
        case HttpRequest():
            line = f"{action.method} {action.host}{action.path}"
        case Tunnel():
            line = f"CONNECT {action.host}:{action.port}"
        case ToolCall():
            line = f"{action.server}.{action.tool}"
    return line if len(line) <= SHOWN else f"{line[:SHOWN]}… (+{len(line) - SHOWN})"


def kind_of(action: Action) -> str:
    """The audit log's name for this kind of action."""
    match action:
        case HttpRequest(package=Package()):
            return "package"
        case HttpRequest():
            return "request"
        case Tunnel():
            return "tunnel"
        case ToolCall():
            return "tool"


class Decider(Protocol):
    """The policy."""

    def decide(self, action: Action, *, attended: bool = True) -> Verdict:
        """The verdict on ``action``. ``attended``: whether a person is there to be asked."""


class EvidenceRoom(Protocol):
    """Finds out what a call's arguments lead to on this machine."""

    async def gather(self, call: ToolCall) -> Evidence:
        """What a person should see beside the arguments. Changes nothing."""


class Gatekeeper:
    """Policy first, then grants, then the person, then the audit log; what cannot be recorded is refused.

    ``attended`` tells whether somebody watches; ``waits_unattended``, whether questions wait when nobody does.
    ``on_tripwire`` is told when a key turned up where it has no business.
    """

    def __init__(
        self,
        policy: Decider,
        audit: AuditLog,
        approvals: Approvals,
        leases: Leases,
        barrier: Barrier,
        evidence: EvidenceRoom,
        *,
        asker: str,
        sentinels: tuple[str, ...],
        attended: Callable[[], bool],
        waits_unattended: bool,
        on_unavailable: Callable[[AuditUnavailable], None],
        on_tripwire: Callable[[str], None],
        room: RecordRoom,
        treasurer: Treasurer | None = None,
    ) -> None:
        self._policy = policy
        self._audit = audit
        self._approvals = approvals
        self._leases = leases
        self._barrier = barrier
        self._evidence = evidence
        self._asker = asker
        self._sentinels = sentinels
        self._attended = attended
        self._waits_unattended = waits_unattended
        self._consents = Consents(self._ask, leases, asker=asker, attended=attended, on_unavailable=on_unavailable)
        self._refusals = Refusals(audit, on_unavailable)
        self._alarms = Refusals(audit, on_unavailable, on_summary=on_tripwire, word="alarms")
        """Counted for themselves: no flood of refusals swallows one, and a flood of alarms is told as such."""
        self._on_unavailable = on_unavailable
        self._on_tripwire = on_tripwire
        self._room = room
        self._treasurer = treasurer
        self._endings = TaskOwner()
        self.self_test_host = ""
        """A name that exists nowhere, for which the self-test asks at the proxy's door: not the agent's question."""

    async def admit(self, action: Action) -> Verdict:
        """Decide on ``action``; when this returns an allowing verdict, the intent is on disk.

        Waits while the doors are paused, and for a person where the policy wants one. ESCALATE is returned for what
        cannot be shown yet: a tunnel may then be opened to see what is asked inside it, and a request must be
        brought to ``ask`` as a whole.
        """
        if not await self._barrier.passable():
            return await self._recorded(action, CUT)
        if self._is_self_test(action):
            return await self._recorded(action, SELF_TEST)
        if isinstance(action, ToolCall) and self._holds_sentinel(action):
            await self.tripped(action, LEAK.reason)
            return LEAK
        if (denial := await self._without_means(action)) is not None:
            return await self._recorded(action, denial)
        if not await self._barrier.passable():  # that may have taken a person, and minutes
            return await self._recorded(action, CUT)
        verdict = self._judge(action)
        if verdict.decision is not Decision.ESCALATE or isinstance(action, Tunnel):
            return await self._recorded(action, verdict)
        if not self._refusals.may_be_asked(summary_of(action)):
            return FLOODED
        if isinstance(action, HttpRequest):
            return verdict
        card = cards.of_call(action, verdict, await self._evidence.gather(action), asker=self._asker)
        return await self._recorded(action, await self._asked(action, card, lambda: _digest(action)), answered=True)

    async def unpaused(self) -> None:
        """Wait while the doors are paused."""
        await self._barrier.unpaused()

    async def ask(self, request: HeldRequest) -> Verdict:
        """Decide on a whole request for which ``admit`` said ESCALATE. Never returns that itself."""
        if not await self._barrier.passable():
            return await self._recorded(request.action, CUT)
        verdict = self._judge(request.action)  # a grant may have come meanwhile
        answered = verdict.decision is Decision.ESCALATE
        if answered:
            if not self._refusals.may_be_asked(summary_of(request.action)):
                return FLOODED
            card = cards.of_request(request, verdict, asker=self._asker)
            verdict = await self._asked(request.action, card, lambda: digest.of_request(request))
        return await self._recorded(request.action, verdict, answered=answered)

    async def refused(self, action: Action, reason: str) -> None:
        """Record what a door refused by itself."""
        await self._recorded(action, Verdict(decision=Decision.DENY, reason=reason, rule="door"))

    async def tripped(self, action: Action, reason: str) -> None:
        """Record that a key was about to go where it has no business, and raise the alarm."""
        verdict = Verdict(decision=Decision.DENY, reason=reason, rule="tripwire")
        if await self._recorded(action, verdict, refusals=self._alarms) is not FLOODED:
            self._on_tripwire(f"{summary_of(action)}: {reason}")

    def looked_up(self, action: HttpRequest, trouble: str) -> None:
        """Record, soon, what became of an admitted request that a door made by itself."""
        self._endings.start(self._ended(action, trouble), "outcome")

    async def held_back(self, action: HttpRequest, hidden: tuple[str, ...]) -> None:
        """Record what a package's metadata does not show the agent, each with the reason."""
        summary = f"{summary_of(action)}: {len(hidden)} held back"
        try:
            await self._audit.append_async("package.filter", summary, data={"hidden": list(hidden[:MOST_HIDDEN])})
        except AuditUnavailable as error:
            self._on_unavailable(error)

    async def _without_means(self, action: Action) -> Verdict | None:
        """The denial of what the policy may allow, but for whose records or tokens there is no room: nobody gave more.

        Asks for that before anything is decided, so that no verdict grows old meanwhile.
        """
        wanted = self._policy.decide(action).decision
        if wanted not in (Decision.ALLOW, Decision.ESCALATE):
            return None
        try:
            denial = await self._room.admit(self._whom_to_ask(action))
            if denial is None and wanted is Decision.ALLOW and isinstance(action, HttpRequest) and self._treasurer:
                denial = await self._treasurer.admit(action, self._whom_to_ask(action))
        except AuditUnavailable as error:
            self._on_unavailable(error)
            return NO_AUDIT
        return denial

    def _whom_to_ask(self, action: Action) -> Callable[[Card], Awaitable[Answer]] | None:
        """Puts a card in front of a person; None when nobody is there, and questions do not wait."""
        if not self._attended() and not self._waits_unattended:
            return None
        return partial(self._ask, action)

    async def _ask(self, action: Action, card: Card) -> Answer:
        """Ask a person; not on behalf of an agent that takes its questions back all the time."""
        if not self._refusals.may_be_asked(summary_of(action)):
            return Answer(EscalationState.DENIED, FLOODED.reason, retry=True)
        try:
            return await self._approvals.ask(action, card)
        except asyncio.CancelledError:
            self._refusals.taken_back()
            raise

    async def may_act_unseen(self, action: HttpRequest, provider: str, what: str) -> bool:
        """Whether something may act at a provider, as a person said."""
        return await self._barrier.passable() and await self._consents.may_act_unseen(action, provider, what)

    def _holds_sentinel(self, call: ToolCall) -> bool:
        spelled = digest.canonical(call.arguments).decode("ascii")
        return any(sentinel in spelled for sentinel in self._sentinels)

    def _judge(self, action: Action) -> Verdict:
        verdict = self._policy.decide(action)
        if verdict.decision is not Decision.ESCALATE:
            return verdict
        if isinstance(action, Tunnel):
            attended = self._attended() or self._leases.lead_to(action.host.lower(), action.port)
            return self._policy.decide(action, attended=attended)
        lease = self._leases.use(action)
        if lease is not None:
            return Verdict(decision=Decision.ALLOW, rule=f"grant {lease.id} ({verdict.rule})")
        if self._attended():
            return verdict
        verdict = self._policy.decide(action, attended=False)
        if verdict.decision is Decision.ESCALATE and not self._waits_unattended:
            return Verdict(
                decision=Decision.DENY,
                reason=f"a person would have to approve it, and nobody is there ({verdict.reason})",
                rule=verdict.rule,
                retry=True,
            )
        return verdict

    async def _asked(self, action: Action, card: Card, current: Callable[[], str]) -> Verdict:
        """The person's verdict. ``current`` tells the digest of what would be executed now."""
        try:
            answer = await self._ask(action, card)
        except AuditUnavailable as error:
            self._on_unavailable(error)
            return NO_AUDIT
        if not answer.approved:
            return Verdict(decision=Decision.DENY, reason=answer.reason, rule=card.rule, retry=answer.retry)
        if not await self._barrier.passable():
            return CUT
        if (now := self._policy.decide(action)).decision is Decision.DENY:
            return now  # it may be another policy by now
        if current() != card.digest:
            return Verdict(decision=Decision.DENY, reason="it is no longer what was approved", rule="digest")
        return Verdict(decision=Decision.ALLOW, rule=f"approved ({card.rule})", digest=card.digest)

    async def done(self, action: ToolCall, outcome: Outcome) -> None:
        """Record what became of a tool call."""
        try:
            await self._audit.append_async("tool.end", summary_of(action), data=msgspec.to_builtins(outcome))
        except AuditUnavailable as error:
            self._on_unavailable(error)

    async def close(self) -> None:
        """Record what is not recorded yet."""
        await self._endings.settle()
        await self._refusals.close()
        await self._alarms.close()

    async def _recorded(
        self, action: Action, verdict: Verdict, *, answered: bool = False, refusals: Refusals | None = None
    ) -> Verdict:
        """``verdict``, once it is in the log. Of too many that allow nothing, only their number is.

        ``answered``: a person was asked, who hears and is heard whatever else is refused. ``refusals``: those it
        belongs to.
        """
        if verdict.decision is not Decision.ALLOW:
            has_room = not self._room.is_short
            if not (refusals or self._refusals).may_be_recorded(summary_of(action), has_room=has_room):
                heard = answered or not has_room or verdict.decision is Decision.ANSWER
                return verdict if heard else FLOODED
        data = {
            "action": msgspec.to_builtins(action),
            "reason": verdict.reason,
            "rule": verdict.rule,
            **({"digest": verdict.digest} if verdict.digest else {}),
        }
        allowed = verdict.decision is Decision.ALLOW
        kind, summary, decided = kind_of(action), summary_of(action), True
        if self._is_self_test(action):  # no question of the agent's
            kind, summary, decided = "self-test.door", f"the self-test asked the proxy: {summary}", False
        try:
            intent = self._audit.submit(kind, summary, decision=verdict.decision if decided else None, data=data)
            try:
                await asyncio.wrap_future(intent)
            except asyncio.CancelledError:
                if allowed:
                    self._release(action)
                    if not intent.cancel():
                        self._endings.start(self._came_to_nothing(intent, action, blind=verdict.blind), "outcome")
                raise
        except AuditUnavailable as error:
            if allowed:
                self._release(action)
            self._on_unavailable(error)
            return NO_AUDIT
        return verdict

    def _is_self_test(self, action: Action) -> bool:
        return isinstance(action, Tunnel) and action.host == self.self_test_host != ""

    def _release(self, action: Action) -> None:
        """It is not going to be sent after all."""
        if self._treasurer is not None and isinstance(action, HttpRequest):
            self._treasurer.release(action)

    async def _came_to_nothing(self, intent: Future[AuditLine], action: Action, *, blind: bool) -> None:
        """Record the outcome of an action whose client left while the intent to allow it was being recorded."""
        try:
            await asyncio.wrap_future(intent)
        except AuditUnavailable:
            return  # it is not in the log
        match action:
            case ToolCall():
                await self.done(action, Outcome(is_error=True, cancelled=True))
            case HttpRequest():
                await self._ended(action, LEFT)
            case Tunnel() if blind:
                await self._ended(action, LEFT)
            case Tunnel():
                pass  # it only opens the way to requests, each of which has an outcome

    async def _ended(self, action: HttpRequest | Tunnel, trouble: str) -> None:
        """Record what became of an admitted request of which the proxy has no flow, or none that was admitted."""
        outcome = Flow(
            id="",
            started=time.time(),
            method=action.method if isinstance(action, HttpRequest) else "CONNECT",
            host=action.host,
            port=action.port,
            path=action.path if isinstance(action, HttpRequest) else "",
            decision=Decision.ALLOW,
            reason=trouble,
            state=FlowState.ERROR if trouble else FlowState.DONE,
            intended=True,
        )
        try:
            summary = f"{outcome.method} {outcome.host}{outcome.path}{f': {trouble}' if trouble else ''}"
            await self._audit.append_async("request.end", summary, data=msgspec.to_builtins(outcome), durable=False)
        except AuditUnavailable as error:
            self._on_unavailable(error)


def _digest(call: ToolCall) -> str:
    return digest.of_call(call.server, call.tool, call.arguments)
