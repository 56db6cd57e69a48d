"""What was decided in a session, read back from its records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.events import Decision, Flow, FlowState
from ironcurtain_tui.policy.action import Action, HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.policy.suggest import Decided

KINDS = frozenset({"request", "tunnel", "tool"})
"""Kinds of the records that carry an action and its verdict."""


def decided(records: Iterable[Record]) -> Iterator[Decided]:
    """Every action that was allowed or denied, in order. What another version wrote differently is left out."""
    for record in records:
        if record.kind in KINDS and record.decision in (Decision.ALLOW, Decision.DENY):
            try:
                action: Action = msgspec.convert(record.data.get("action"), Action)
            except msgspec.ValidationError:
                continue
            # Only what a person approved is bound to a digest.
            yield Decided(action=action, decision=Decision(record.decision), asked=bool(record.data.get("digest")))


def flows(records: Iterable[Record]) -> Iterator[tuple[Flow, int]]:
    """What went over the wire, as far as the log tells: outcomes of what was allowed, and what was refused.

    With each the monotonic clock (microseconds) of its beginning.
    """
    for record in records:
        if record.kind == "request.end":
            try:
                flow = msgspec.convert(record.data, Flow)
            except msgspec.ValidationError:
                continue
            if flow.decision is Decision.DENY:
                continue  # refused after it was admitted: the refusal has a record of its own
            yield flow, record.mono_us - round((flow.total_ms or 0.0) * 1000)
        else:
            for refused in decided([record]):
                if refused.decision is Decision.DENY and not isinstance(refused.action, ToolCall):
                    yield _refused(record, refused.action), record.mono_us


def _refused(record: Record, action: HttpRequest | Tunnel) -> Flow:
    reason = record.data.get("reason")
    return Flow(
        id=f"#{record.seq}",
        started=record.time_us / 1e6,
        method=action.method if isinstance(action, HttpRequest) else "CONNECT",
        host=action.host,
        port=action.port,
        path=action.path if isinstance(action, HttpRequest) else "",
        decision=Decision.DENY,
        reason=reason if isinstance(reason, str) else "",
        state=FlowState.DONE,
    )
