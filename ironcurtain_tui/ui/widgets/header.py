"""The top line: which session this is, what it does, and what stands about it."""

from __future__ import annotations

from collections.abc import Iterable

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import BadgeState, Decision, DoorState, Flow, SessionStatus
from ironcurtain_tui.ui.figures import clock, count, dollars
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.words import BADGE, STATUS, STATUS_MEANING

REHEARSAL = "A rehearsal: container, proxy and policy are real, the model is a scripted one on this machine."
ALIVE = {SessionStatus.RUNNING, SessionStatus.IDLE, SessionStatus.WAITING}
BADGE_TEXT = 24
"""Characters of a badge's text."""


class SessionHeader(Line):
    """``1 Claude Code  ● running ......... ✓ no egress  ✓ chain  12k tok  $0.42  18:04``."""

    def update(self, session: StateKeeper, now: float, folded: bool, unread: int) -> None:
        """Say how ``session`` stands. ``folded``: the side panels are away for want of room, count them here."""
        waiting = len(session.pending)
        status = STATUS[SessionStatus.WAITING if waiting and session.status in ALIVE else session.status]
        word = f"{status} ({waiting:,})" if waiting else str(status)
        meaning = neutralise(session.status_detail) or STATUS_MEANING[session.status]
        left = [
            Piece(f" 1 {neutralise(session.info.agent_title)}", Tone.STRONG, Command.AGENT, "The agent's terminal"),
            Piece(word, status.tone, Command.QUEUE if waiting else Command.AGENT, meaning),
        ]
        right = [*_waiting(waiting, folded)]
        if session.doors is not DoorState.OPEN:
            right.append(Piece(f" {session.doors.value.upper()} ", Tone.ALERT, Command.HELP, "Both doors", rank=1))
        right += [*_folded(session)] if folded else []
        if unread:
            right.append(Piece(f"▲ {unread} notices", Tone.WARN, Command.NOTICES, "Read them", rank=4))
        right += [*_badges(session), *_spent(session.flows.values())]
        right.append(Piece(f"{clock(now)[:5]} ", Tone.QUIET, rank=10))
        self.show(left, right)


def _badges(session: StateKeeper) -> Iterable[Piece]:
    if session.info.rehearsal:
        yield Piece(" REHEARSAL: scripted model ", Tone.ALERT, Command.HELP, REHEARSAL)
    for badge in session.badges.values():
        sign = BADGE[badge.state]
        text = clip(neutralise(badge.text), BADGE_TEXT)
        rank = {BadgeState.FAIL: 1, BadgeState.WARN: 2}.get(badge.state, 5)
        yield Piece(f"{sign.symbol} {text}", sign.tone, Command.HELP, neutralise(badge.detail) or sign.word, rank)


def _waiting(count: int, folded: bool) -> Iterable[Piece]:
    if count:
        yield Piece(f" F2 {count:,} wait ", Tone.ALERT, Command.QUEUE, "Read and answer", rank=1)
    elif folded:
        yield Piece("F2 0 wait", Tone.QUIET, Command.QUEUE, "Nothing waits for you", rank=7)


def _folded(session: StateKeeper) -> Iterable[Piece]:
    refused = sum(flow.decision is Decision.DENY for flow in session.flows.values())
    traffic = f"F3 {count(len(session.flows))} flows" + (f" ✗{count(refused)}" if refused else "")
    yield Piece(traffic, Tone.WARN if refused else Tone.QUIET, Command.ZOOM_TRAFFIC, "Traffic", rank=3)
    yield Piece(
        f"F4 {count(session.audit[-1].seq if session.audit else 0)} audit",
        Tone.QUIET,
        Command.ZOOM_AUDIT,
        "Audit log",
        rank=6,
    )


def _spent(flows: Iterable[Flow]) -> Iterable[Piece]:
    tokens, cost, priced = 0, 0.0, False
    for flow in flows:
        if flow.usage is not None:
            tokens += flow.usage.total_tokens
        if flow.cost_usd is not None:
            cost, priced = cost + flow.cost_usd, True
    if tokens:
        yield Piece(
            f"{count(tokens)} tok", Tone.QUIET, tooltip="Tokens of all model calls shown, cached ones included", rank=9
        )
    if priced:
        yield Piece(dollars(cost), Tone.PLAIN, tooltip="Price of all model calls shown, by the provider's list", rank=8)
