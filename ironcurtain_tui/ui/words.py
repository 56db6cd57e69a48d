"""States as a symbol, a word and a tone: never colour alone."""

from __future__ import annotations

from typing import NamedTuple

from ironcurtain_tui.events import BadgeState, Decision, EscalationState, Flow, FlowState, SessionStatus
from ironcurtain_tui.ui.tone import Tone


class Sign(NamedTuple):
    symbol: str
    word: str
    tone: Tone

    def __str__(self) -> str:
        return f"{self.symbol} {self.word}"


STATUS = {
    SessionStatus.STARTING: Sign("◌", "starting", Tone.QUIET),
    SessionStatus.RUNNING: Sign("●", "running", Tone.GOOD),
    SessionStatus.WAITING: Sign("◆", "waiting", Tone.WARN),
    SessionStatus.IDLE: Sign("○", "idle", Tone.PLAIN),
    SessionStatus.LOST: Sign("✗", "lost", Tone.BAD),
    SessionStatus.ENDED: Sign("■", "ended", Tone.QUIET),
}

STATUS_MEANING = {
    SessionStatus.STARTING: "The container and its two doors are being set up.",
    SessionStatus.RUNNING: "A model call is under way, or was a moment ago.",
    SessionStatus.WAITING: "Something is held until you decide.",
    SessionStatus.IDLE: "The agent waits for your next message.",
    SessionStatus.LOST: "The engine, the container or the supervisor went away; both doors are closed.",
    SessionStatus.ENDED: "The agent has exited and the container is gone.",
}

BADGE = {
    BadgeState.PENDING: Sign("◌", "pending", Tone.QUIET),
    BadgeState.OK: Sign("✓", "ok", Tone.GOOD),
    BadgeState.WARN: Sign("▲", "warning", Tone.WARN),
    BadgeState.FAIL: Sign("✗", "failed", Tone.BAD),
}
UNKNOWN = Sign("?", "was so when it was last heard of", Tone.QUIET)
"""What was well, when nobody is there any more to say whether it is."""

DECISION = {
    Decision.ALLOW: Sign("✓", "allow", Tone.GOOD),
    Decision.DENY: Sign("✗", "deny", Tone.BAD),
    Decision.ESCALATE: Sign("◆", "ask", Tone.WARN),
    Decision.ANSWER: Sign("=", "answer", Tone.QUIET),
}

DECISION_MEANING = {
    Decision.ALLOW: "A rule or you let it through",
    Decision.DENY: "A rule, a check or you refused it; nothing left this machine",
    Decision.ESCALATE: "It was held for you to decide",
    Decision.ANSWER: "It was answered on this machine; nothing left it",
}

ESCALATION = {
    EscalationState.PENDING: Sign("◆", "waits", Tone.WARN),
    EscalationState.APPROVED: Sign("✓", "approved", Tone.GOOD),
    EscalationState.DENIED: Sign("✗", "denied", Tone.BAD),
    EscalationState.EXPIRED: Sign("■", "expired", Tone.QUIET),
    EscalationState.CANCELLED: Sign("■", "cancelled", Tone.QUIET),
}

ESCALATION_MEANING = {
    EscalationState.PENDING: "Held until you answer, or until its time is up.",
    EscalationState.APPROVED: "Approved: what was held has gone out.",
    EscalationState.DENIED: "Denied: nothing went out, and the agent was told so.",
    EscalationState.EXPIRED: "Nobody answered in time: it was denied, nothing went out.",
    EscalationState.CANCELLED: "The agent no longer waits for it: nothing went out.",
}


def outcome(flow: Flow) -> Sign:
    """What became of a flow, in at most nine cells."""
    if flow.decision is Decision.DENY:
        return Sign("✗", "refused", Tone.BAD)
    if flow.state is FlowState.ERROR:
        return Sign("✗", "error", Tone.BAD)
    if flow.decision is Decision.ESCALATE:
        return Sign("◆", "held", Tone.WARN)
    if flow.status is None:
        return Sign("◌", "open", Tone.QUIET)
    tone = Tone.WARN if flow.status >= 400 else Tone.PLAIN
    if flow.decision is Decision.ANSWER:
        return Sign("=", str(flow.status), Tone.QUIET)
    if flow.state is FlowState.STREAMING:
        return Sign("↓", str(flow.status), tone)
    return Sign("▲" if flow.status >= 400 else "✓", str(flow.status), tone)
