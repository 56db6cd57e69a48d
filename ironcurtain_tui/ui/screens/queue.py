"""The queue: one whole card at a time, beside it what else waits, below it the answer.

What a key may do is decided in ui/approval.py; this screen tells it what is shown and what has been read.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from ironcurtain_tui.control.messages import AlwaysPreview, ClientMessage, DecisionRefused
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.escalations.haste import hasty_streak
from ironcurtain_tui.events import Escalation, EscalationState
from ironcurtain_tui.ui.approval import ANSWERS, ASKING, ROOM, Approval, Step, held
from ironcurtain_tui.ui.card import KINDS, CardLine, escalation_lines, rule_lines, several_lines, short_digest
from ironcurtain_tui.ui.figures import countdown
from ironcurtain_tui.ui.keymap import Command, Keymap, Place
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.keyed import CoveringScreen
from ironcurtain_tui.ui.screens.review import ReviewScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.answer_bar import AnswerBar
from ironcurtain_tui.ui.widgets.card_view import CardView
from ironcurtain_tui.ui.widgets.doors_banner import DoorsBanner
from ironcurtain_tui.ui.widgets.escalations import PendingList
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.widgets.record_list import RecordList
from ironcurtain_tui.ui.widgets.your_words import YourWords
from ironcurtain_tui.ui.words import ESCALATION

LIST_FROM = 100
"""Columns from which the list of what waits stands beside the card."""
HURRY_SECONDS = 60.0
"""A card with less time than this says so louder."""


class QueueScreen(CoveringScreen):
    """Shows cards and sends the answers. ``steady`` is a clock that only goes forward, ``now`` tells the time."""

    def __init__(
        self,
        keymap: Keymap,
        session: StateKeeper,
        session_obeys: Callable[[Command], None],
        send: Callable[[ClientMessage], None],
        now: Callable[[], float],
        steady: Callable[[], float],
        first: Escalation | None = None,
        haste: int = 0,
    ) -> None:
        """``first`` is the card to begin with, ``haste`` how many hasty approvals came before."""
        super().__init__(keymap, session, session_obeys)
        self._send = send
        self._now, self._steady = now, steady
        self._shown: tuple[Escalation, ...] = (first,) if first is not None else ()
        self._approval = Approval(haste=haste)
        self._preview: AlwaysPreview | None = None
        self._armed: Timer | None = None
        self._header = SessionHeader(id="header")
        self._doors = DoorsBanner(keymap.prefix)
        self._list = PendingList(now)
        self._words = YourWords()
        self._head = Line(id="head")
        self._card = CardView()
        self._bar = AnswerBar(self.is_reserved)

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._doors
        yield self._words
        with Horizontal(id="desk"):
            yield self._list
            with Vertical():
                yield self._head
                yield self._card
        yield self._bar
        yield self.hints
        yield self.menu

    def on_mount(self) -> None:
        self._card.focus()
        self._lay_out()
        self.refresh_content()

    @property
    def place(self) -> Place:
        return Place.ANSWER if self.focused is self._bar.input else Place.CARD

    def idle(self) -> Collection[Command]:
        return () if self._shown else (Command.READ_ON, Command.NEXT_CARD, Command.REVIEW)

    @property
    def haste(self) -> int:
        """Hasty approvals in a row, up to now."""
        return self._approval.haste

    # --- what comes from the session ---------------------------------------------------------------------

    def refresh_content(self) -> None:
        session = self._session
        waits = session.pending
        before = {escalation.id: escalation for escalation in (*self._shown, *session.decided)}
        self._shown = tuple(waits.get(each.id) or before[each.id] for each in self._shown)
        self._approval = self._approval.hurried(hasty_streak(session.decided))
        settled = not any(each.id in waits for each in self._shown)
        if settled and (not self._shown or self._approval.step is Step.SENT):
            self._turn_to(tuple(waits.values())[:1])
        self._list.show(tuple(waits.values()))
        self._doors.show(session.doors)
        self.sync()

    def preview_came(self, preview: AlwaysPreview) -> None:
        """The rule that was asked for."""
        approval = self._approval.rule_came(preview.request, self._steady())
        if approval is not self._approval:
            self._approval, self._preview = approval, preview
            self.sync()

    def refused(self, refusal: DecisionRefused) -> None:
        """An answer had no effect."""
        if any(each.id == refusal.escalation for each in self._shown):
            self._approval = self._approval.refused(f"Not taken: {refusal.reason}.", self._steady())
            self.sync()

    # --- what is shown ------------------------------------------------------------------------------------

    def _turn_to(self, escalations: tuple[Escalation, ...]) -> None:
        """Show other cards: everything about the last answer is forgotten."""
        self._shown = escalations
        self._preview = None
        self._approval = self._approval.show((), self._steady())

    def show_card(self, escalation: Escalation) -> None:
        """Turn to one card."""
        if self._shown != (escalation,):
            self._turn_to((escalation,))
            self.sync()

    def sync(self) -> None:
        """Bring approval, card and keys together with what is shown."""
        now = self._steady()
        if self._approval.step is not Step.SENT:
            pending = (each for each in self._shown if each.state is EscalationState.PENDING)
            subject = tuple(held(each) for each in pending)
            self._approval = self._approval.show(subject, now)
        page = (self._shown, self._preview if self._approval.rule_shown else None)
        if page != self._card.page:
            self._approval = self._approval.moved(now, self._approval.roomy)
            self._card.show(page, partial(_draw, *page))
        if self._card.covers(page):
            self._approval = self._approval.read(now)
        self._ask()
        self._say(now)
        self.show_keys()

    def _ask(self) -> None:
        """Give the input line the focus while it asks, the card otherwise."""
        line = self._bar.input
        asking = self._approval.step in ASKING
        if asking and not line.display:
            line.value = ""
            line.display = True
            self.set_focus(line)
        elif not asking and (line.display or self.focused is not self._card):
            line.display = False
            self.set_focus(self._card)

    def _say(self, now: float) -> None:
        reading = self._card.reading
        total = self._card.virtual_size.height
        self._bar.update(self._approval, self._shown, (reading.shown, total), now)
        self._words.show(self._shown)
        self._head.show(*self._heading())
        self._list.point_at(self._shown[0] if len(self._shown) == 1 else None)
        self._header.update(self._session, self._now(), folded=False, unread=0)
        if self._armed is not None:
            self._armed.stop()
            self._armed = None
        if self._approval.subject and (left := self._approval.arming(now)):
            self._armed = self.set_timer(left, self.sync)

    def _heading(self) -> tuple[list[Piece], list[Piece]]:
        if not self._shown:
            return [Piece(" Nothing waits", Tone.STRONG), *map(_last, tuple(self._session.decided)[-1:])], []
        first = self._shown[0]
        waiting = list(self._session.pending)
        pending = first.state is EscalationState.PENDING
        left = min(each.left(self._now()) for each in self._shown)
        tone = Tone.ALERT if left < HURRY_SECONDS else Tone.STRONG
        words = "the clock stands still at" if first.frozen is not None else "denied by itself in"
        clock = [Piece(f" {words} {countdown(left)} ", tone, rank=1)] if pending else []
        if len(self._shown) > 1:
            return [Piece(f" ◆ {len(self._shown)} marked cards together", Tone.WARN)], clock
        place = f"{waiting.index(first.id) + 1} of {len(waiting):,}" if first.id in waiting else ""
        sign = ESCALATION[first.state]
        what = [Piece(f" {sign.symbol} {place or sign.word}", sign.tone), Piece(_kind(first), Tone.PLAIN, rank=3)]
        if first.card.risky:
            what.append(Piece("▲ risky", Tone.WARN, rank=2))
        what.append(Piece(short_digest(first.card.digest), Tone.QUIET, tooltip="Start of the digest", rank=4))
        return what, clock

    # --- keys and mouse ---------------------------------------------------------------------------------------

    def obey(self, command: Command) -> None:
        if command in ANSWERS:
            self._approval, effects = self._approval.press(command, self._steady())
            for effect in effects:
                self._send(effect)
            self.sync()
            return
        self._approval = self._approval.startle(self._steady()) if command is not Command.SUBMIT else self._approval
        match command:
            case Command.SUBMIT:
                self._bar.input.call_later(self._enter)  # behind the letters that are on their way to it
            case Command.CANCEL | Command.BACK:
                self._back()
            case Command.QUEUE:
                self.dismiss()
            case Command.NEXT_CARD:
                self._step(1)
            case Command.PREVIOUS_CARD:
                self._step(-1)
            case Command.REVIEW:
                self._review()
            case Command.READ_ON:
                self._card.read_on()
            case Command.DOWN:
                self._card.scroll_lines(1)
            case Command.UP:
                self._card.scroll_lines(-1)
            case Command.PAGE_DOWN:
                self._card.scroll_pages(1)
            case Command.PAGE_UP:
                self._card.scroll_pages(-1)
            case Command.FIRST:
                self._card.scroll_to_start()
            case Command.LAST:
                self._card.scroll_to_end()
            case _:
                self.elsewhere(command)

    def stray(self) -> None:
        if self.place is Place.CARD:
            self._approval = self._approval.startle(self._steady())
            self.sync()

    def _enter(self) -> None:
        self._approval, effects = self._approval.enter(self._bar.input.value, self._steady())
        for effect in effects:
            self._send(effect)
        self.sync()

    def _back(self) -> None:
        waiting = tuple(self._session.pending.values())
        if self._approval.step not in (Step.CARD, Step.SENT):
            self._approval = self._approval.back(self._steady())
        elif len(self._shown) > 1:
            self._turn_to(waiting[:1])
        else:
            self.dismiss()
            return
        self.sync()

    def _step(self, by: int) -> None:
        waiting = tuple(self._session.pending.values())
        if not waiting:
            return
        ids = [each.id for each in waiting]
        shown = self._shown[0].id if len(self._shown) == 1 else ""
        self._turn_to((waiting[(ids.index(shown) + by) % len(ids) if shown in ids else 0],))
        self.sync()

    def _review(self) -> None:
        if self._session.pending:
            self.app.push_screen(
                ReviewScreen(self.keymap, self._session, self._session_obeys, self._take_together, self._now)
            )

    def _take_together(self, escalations: tuple[Escalation, ...]) -> None:
        self._turn_to(escalations)
        self.sync()

    @on(RecordList.Moved)
    def _pointed(self) -> None:
        if self._list.selected is not None:
            self.show_card(self._list.selected)

    # --- when the eyes were elsewhere, or the card moved ------------------------------------------------------------

    @on(CardView.Progressed)
    def _progressed(self) -> None:
        self.sync()

    @on(CardView.LaidOut)
    def _laid_out(self) -> None:
        self._moved()

    def on_resize(self) -> None:
        self._lay_out()
        self._moved()

    def on_screen_resume(self) -> None:
        self._startle()

    def looked_at_again(self) -> None:
        self._startle()

    def show_keys(self) -> None:
        super().show_keys()
        if self._card.covered != self._prefixed:
            self._card.covered = self._prefixed
            self._startle()

    def _startle(self) -> None:
        self._approval = self._approval.startle(self._steady())
        self._card.look()
        self.sync()

    def _moved(self) -> None:
        roomy = self.size.width >= ROOM[0] and self.size.height >= ROOM[1]
        self._approval = self._approval.moved(self._steady(), roomy)
        self.sync()

    def _lay_out(self) -> None:
        self._list.display = self.size.width >= LIST_FROM


def _draw(shown: tuple[Escalation, ...], preview: AlwaysPreview | None, width: int) -> list[CardLine]:
    if not shown:
        return []
    if preview is not None:
        return rule_lines(shown[0], preview, width)
    return several_lines(shown, width) if len(shown) > 1 else escalation_lines(shown[0], width)


def _last(escalation: Escalation) -> Piece:
    """What became of the newest one: whoever has just answered sees that it was heard."""
    sign = ESCALATION[escalation.state]
    return Piece(f"last: {sign} {neutralise(escalation.card.title)}", sign.tone)


def _kind(escalation: Escalation) -> str:
    return KINDS.get(escalation.card.kind, neutralise(escalation.card.kind))
