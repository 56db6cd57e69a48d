"""The one place where an action is decided and the decision made durable before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway.gate import Outcome
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel, Verdict
from ironcurtain_tui.policy.decide import Policy

SHOWN = 200
"""Characters of the agent's words in a summary; the record itself has all of them."""


def summary_of(action: Action) -> str:
    """One line that says what was asked."""
    match action:
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
        case HttpRequest():
            return "request"
        case Tunnel():
            return "tunnel"
        case ToolCall():
            return "tool"


class Gatekeeper:
    """Policy first, then the audit log; an action whose record cannot be stored is refused."""

    def __init__(self, policy: Policy, audit: AuditLog, on_unavailable: Callable[[AuditUnavailable], None]) -> None:
        self._policy = policy
        self._audit = audit
        self._on_unavailable = on_unavailable

    async def admit(self, action: Action) -> Verdict:
        """Decide on ``action``; when this returns an allowing verdict, the intent is on disk."""
        verdict = self._policy.decide(action)
        try:
            await self._record(action, verdict.decision, {"reason": verdict.reason, "rule": verdict.rule})
        except AuditUnavailable as error:
            self._on_unavailable(error)
            return Verdict(
                decision=Decision.DENY,
                reason="the audit log cannot be written, so nothing may happen",
                rule="audit-first",
            )
        return verdict

    async def refused(self, action: Action, reason: str) -> None:
        """Record what a door refused by itself."""
        try:
            await self._record(action, Decision.DENY, {"reason": reason, "rule": "door"})
        except AuditUnavailable as error:
            self._on_unavailable(error)

    async def done(self, action: ToolCall, outcome: Outcome) -> None:
        """Record what became of a tool call."""
        try:
            await self._audit.append_async("tool.end", summary_of(action), data=msgspec.to_builtins(outcome))
        except AuditUnavailable as error:
            self._on_unavailable(error)

    async def _record(self, action: Action, decision: Decision, why: Mapping[str, str]) -> None:
        await self._audit.append_async(
            kind_of(action),
            summary_of(action),
            decision=decision,
            data={"action": msgspec.to_builtins(action), **why},
        )
