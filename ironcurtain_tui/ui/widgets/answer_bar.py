"""Under a card: whether it can be answered now, and with which keys; or the line that is typed into."""

from __future__ import annotations

from collections.abc import Callable

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from ironcurtain_tui.control.messages import ScopeKind
from ironcurtain_tui.escalations.haste import WORD
from ironcurtain_tui.events import Escalation, EscalationState
from ironcurtain_tui.ui.approval import ASKING, MINUTES_MOST, USES_MOST, Approval, Choice, Step
from ironcurtain_tui.ui.keymap import CARD, Command, display
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import TONES, Tone, toned
from ironcurtain_tui.ui.widgets.filter_line import FilterLine
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.words import ESCALATION, ESCALATION_MEANING

SENTENCE_MOST = 500
"""Characters of a sentence to the agent."""
QUESTIONS = {
    Step.MINUTES: f"For how many minutes? (1 to {MINUTES_MOST:,})",
    Step.USES: f"For how many uses? (1 to {USES_MOST:,})",
    Step.SENTENCE: "Why not? The agent reads this sentence.",
    Step.WORD: f"You are answering faster than one reads, and this is risky. To approve, type {WORD} and Enter.",
}
SCOPES = {
    ScopeKind.ONCE: "once",
    ScopeKind.SESSION: "for this session",
    ScopeKind.MINUTES: "for {amount} minutes",
    ScopeKind.USES: "for {amount} uses",
    ScopeKind.ALWAYS: "always",
}
APPROVE = {
    Command.APPROVE: "once",
    Command.APPROVE_SESSION: "session",
    Command.APPROVE_MINUTES: "minutes",
    Command.APPROVE_USES: "uses",
    Command.APPROVE_ALWAYS: "always",
}
REFUSE = {Command.DENY: "deny", Command.DENY_SAYING: "deny, with a sentence"}
CONFIRM = {Command.CONFIRM: "yes, that is what I want", Command.BACK: "back"}
TOGETHER = {Command.APPROVE, Command.DENY}
"""The answers that can be given to several at once."""

Told = tuple[str, Tone]


class AnswerBar(Vertical):
    """Four lines of fixed height, so that the card above never moves because of them."""

    COMPONENT_CLASSES = {*TONES}  # noqa: RUF012 -- Textual's

    def __init__(self, is_reserved: Callable[[str], bool]) -> None:
        super().__init__()
        self._told: Told = ("", Tone.PLAIN)
        self._state = Static(id="state", markup=False)
        self._approve = Line()
        self._deny = Line()
        self.input = FilterLine(is_reserved)
        self.input.placeholder = ""
        self.input.display = False

    def compose(self) -> ComposeResult:
        yield self._state
        yield self._approve
        yield self._deny
        yield self.input

    def update(self, approval: Approval, shown: tuple[Escalation, ...], read: tuple[int, int], now: float) -> None:
        """Say how ``approval`` of what is ``shown`` stands; ``read`` of all lines were on the screen."""
        told = state(approval, shown, read, now)
        if told != self._told:
            self._told = told
            self._state.update(Text(told[0], style=toned(self, told[1], self.rich_style)))
        asking = approval.step in ASKING
        self._deny.display = not asking
        self.input.display = asking
        self.input.max_length = SENTENCE_MOST if approval.step is Step.SENTENCE else 6
        if asking or not shown:
            self._approve.show([])
            self._deny.show([])
            return
        if approval.step in (Step.RULE, Step.CONFIRM):
            works = not approval.arming(now)
            self._approve.show([Piece(" confirm ", Tone.STRONG if works else Tone.QUIET), *_keys(CONFIRM, works)])
            self._deny.show([])
            return
        pressable = bool(approval.subject) and approval.step is Step.CARD and not approval.arming(now)
        approvable = pressable and not approval.obstacle
        not_now = [] if approvable or not approval.subject else [Piece("(not now)", Tone.QUIET, rank=1)]
        label = Piece(" approve ", Tone.STRONG if approvable else Tone.QUIET)
        self._approve.show([label, *_keys(APPROVE, approvable, approval.once_only), *not_now])
        self._deny.show([Piece(" " * len(label.text)), *_keys(REFUSE, pressable, approval.together)])


def state(approval: Approval, shown: tuple[Escalation, ...], read: tuple[int, int], now: float) -> Told:
    """What the first lines of the bar say, and how urgently."""
    if not shown:
        return "Nothing waits for you. Esc goes back to the session.", Tone.QUIET
    if not approval.subject:
        last = shown[0]
        sign = ESCALATION[last.state]
        if last.state is EscalationState.PENDING:
            return "It waits no more.", Tone.QUIET
        note = f" ({neutralise(last.note)})" if last.note else ""
        return f"{sign}{note}. {ESCALATION_MEANING[last.state]} n shows the next card.", sign.tone
    if approval.step is Step.SENT:
        return "◌ answered, waiting for the supervisor ...", Tone.QUIET
    if approval.step in QUESTIONS:
        hint = f"▲ {approval.hint} " if approval.hint else ""
        return hint + QUESTIONS[approval.step], Tone.STRONG
    text, tone = _ready(approval, read)
    if not approval.arming(now) or tone is Tone.WARN:
        return text, tone
    then = f", then: {text}" if approval.step in (Step.CONFIRM, Step.RULE) else ""
    return f"◌ arming: keys do nothing until nothing has changed for a moment{then}", Tone.QUIET


def _ready(approval: Approval, read: tuple[int, int]) -> Told:
    many = f"all {len(approval.subject)} " if approval.together else ""
    match approval.step:
        case Step.ASKED_RULE:
            return "◌ asking which rule would be written ... Esc takes it back", Tone.QUIET
        case Step.RULE | Step.CONFIRM if approval.choice is not None:
            if approval.obstacle and approval.choice.approve:
                return f"▲ {_obstacle(approval, read)}", Tone.WARN
            why = "▲ RISKY. " if approval.risky else ""
            return f"{why}Press A (Shift+A) to {_in_words(approval.choice, many)}. Esc takes it back.", Tone.ALERT
    if approval.hint:
        return f"▲ {neutralise(approval.hint)}", Tone.WARN
    if approval.obstacle:
        return f"▲ {_obstacle(approval, read)}", Tone.WARN
    asks = "Risky: approving asks for a second key." if approval.risky else ""
    return f"✓ All of it was on the screen. Your answer {f'to {many}' if many else ''}is one key. {asks}", Tone.GOOD


def _obstacle(approval: Approval, read: tuple[int, int]) -> str:
    unread = f"{read[0]:,} of {read[1]:,} lines read. " if approval.roomy and approval.read_at is None else ""
    return unread + approval.obstacle


def _in_words(choice: Choice, many: str) -> str:
    if not choice.approve:
        return f"deny {many}".rstrip()
    return f"approve {many}{SCOPES[choice.scope].format(amount=choice.amount)}"


def _keys(words: dict[Command, str], works: bool, together: bool = False) -> list[Piece]:
    rows = {row.command: row for row in CARD}
    return [
        Piece(
            f"[{display(rows[command].keys[0])}] {word}",
            Tone.PLAIN if works else Tone.QUIET,
            command,
            rows[command].label,
        )
        for command, word in words.items()
        if not together or command in TOGETHER
    ]
