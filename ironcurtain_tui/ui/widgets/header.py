"""The top line: which session this is, what it does, and what stands about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import BadgeState, Decision, DoorState, SessionStatus, Spending
from ironcurtain_tui.ui.figures import clock, count, counted, dollars
from ironcurtain_tui.ui.keymap import TABS, Command
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.tabs import Tabbed, TabLabel, label
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.words import BADGE, UNKNOWN

REHEARSAL = "A rehearsal: container, proxy and policy are real, the model is a scripted one on this machine."
BADGE_TEXT = 24
"""Characters of a badge's text."""


class SessionHeader(Line):
    """``1 shop  ● running | 2 docs  ○ idle ......... ✓ no egress  ✓ chain  uds  12k tok  $0.42  18:04``."""

    def update(self, session: StateKeeper, now: float, folded: bool, unread: int) -> None:
        """Say how ``session`` stands. ``folded``: the side panels are away for want of room, count them here."""
        labels = self.app.tab_labels() if isinstance(self.app, Tabbed) else ()
        left = tab_pieces(labels or (label(session, current=True),), self.size.width)
        waiting = len(session.pending)
        right = [*_waiting(waiting, folded)]
        if session.doors is not DoorState.OPEN:
            right.append(Piece(f" {session.doors.value.upper()} ", Tone.ALERT, Command.HELP, "Both doors", rank=1))
        right += [*_folded(session)] if folded else []
        if unread:
            right.append(Piece(f"▲ {unread} notices", Tone.WARN, Command.NOTICES, "Read them", rank=4))
        right += [*_badges(session), _network(session), *_spent(session.spending)]
        right.append(Piece(f"{clock(now)[:5]} ", Tone.QUIET, rank=10))
        self.show(left, right)


def tab_pieces(labels: Sequence[TabLabel], width: int) -> list[Piece]:
    """The tabs, with as many words as there is room for on half of ``width`` cells."""
    for words in (2, 1, 0):
        pieces = [piece for number, each in enumerate(labels, 1) for piece in _tab(number, each, words, len(labels))]
        if sum(cell_len(piece.text) + 2 for piece in pieces) <= max(40, width // 2):
            break
    return pieces


def _tab(number: int, tab: TabLabel, words: int, count: int) -> Iterable[Piece]:
    """One tab. ``words``: 2 name and status, 1 the name, 0 the symbol alone; the current one is always whole."""
    command = TABS[number - 1] if number <= len(TABS) else Command.SESSIONS
    waits = tab.waiting > 0
    if tab.current:
        front = "▌" if count > 1 else " "
        yield Piece(f"{front}{number} {tab.name}", Tone.STRONG, Command.AGENT, tab.meaning)
        yield Piece(tab.word, tab.sign.tone, Command.QUEUE if waits else Command.AGENT, tab.meaning)
        return
    bell = " ♪" if tab.rang else ""
    name = f" {tab.name}" if words else ""
    status = tab.word if words == 2 else tab.sign.symbol + (str(tab.waiting) if waits else "")
    tone = Tone.WARN if waits else Tone.BAD if tab.sign.tone is Tone.BAD else Tone.QUIET
    yield Piece(f"│ {number}{name} {status}{bell}", tone, command, tab.meaning)


NETWORKS = {
    "uds": "No network at all: the two doors are sockets that are mounted into the container.",
    "tcp": "An internal network with one neighbour, the sidecar, which leads to the two doors only.",
}


def _network(session: StateKeeper) -> Piece:
    mode = neutralise(session.info.network_mode)
    return Piece(mode, Tone.QUIET, Command.HELP, NETWORKS.get(mode, "The network mode"), rank=6)


def _badges(session: StateKeeper) -> Iterable[Piece]:
    if session.info.rehearsal:
        yield Piece(" REHEARSAL: scripted model ", Tone.ALERT, Command.HELP, REHEARSAL)
    lost = session.status is SessionStatus.LOST
    for badge in session.badges.values():
        sign = UNKNOWN if lost and badge.state is BadgeState.OK else BADGE[badge.state]
        text = clip(neutralise(badge.text), BADGE_TEXT)
        rank = {BadgeState.FAIL: 1, BadgeState.WARN: 2}.get(badge.state, 5)
        yield Piece(f"{sign.symbol} {text}", sign.tone, Command.HELP, neutralise(badge.detail) or sign.word, rank)


def _waiting(count: int, folded: bool) -> Iterable[Piece]:
    if count:
        yield Piece(
            f" F2 {count:,} wait{'s' if count == 1 else ''} ", Tone.ALERT, Command.QUEUE, "Read and answer", rank=1
        )
    elif folded:
        yield Piece("F2 0 wait", Tone.QUIET, Command.QUEUE, "Nothing waits for you", rank=7)


def _folded(session: StateKeeper) -> Iterable[Piece]:
    refused = sum(flow.decision is Decision.DENY for flow in session.flows.values())
    traffic = f"F3 {counted(len(session.flows), 'flow')}" + (f" ✗{count(refused)}" if refused else "")
    yield Piece(traffic, Tone.WARN if refused else Tone.QUIET, Command.ZOOM_TRAFFIC, "Traffic", rank=3)
    yield Piece(
        f"F4 {count(session.audit[-1].seq if session.audit else 0)} audit",
        Tone.QUIET,
        Command.ZOOM_AUDIT,
        "Audit log",
        rank=6,
    )


def _spent(spending: Spending) -> Iterable[Piece]:
    tokens, usd = sum(each.tokens for each in spending.session), sum(each.usd for each in spending.session)
    if not tokens:
        return
    models = ", ".join(f"{neutralise(each.model)} {dollars(each.usd)}" for each in spending.session)
    today = sum(each.usd for each in spending.today)
    yield Piece(f"{count(tokens)} tok", Tone.QUIET, tooltip="Tokens of all model calls, cached ones included", rank=9)
    if usd:
        tooltip = f"Price of all model calls by the providers' lists: {models}. All sessions today: {dollars(today)}"
        yield Piece(dollars(usd), Tone.PLAIN, tooltip=tooltip, rank=8)
