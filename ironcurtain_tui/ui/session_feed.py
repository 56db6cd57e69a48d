"""One session as the app follows it: the connection, what has happened so far, and who is to be told.

It outlives what shows it: a tab in the background has a feed and no screen, and gets events but no rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from ironcurtain_tui.control import messages
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import (
    AnyEvent,
    BadgeState,
    EscalationChanged,
    EscalationState,
    Notice,
    Numbered,
    SessionStatus,
)
from ironcurtain_tui.ui import departure
from ironcurtain_tui.ui.departure import Departure, Ending


class SessionView(Protocol):
    """What shows a session."""

    def draw(self, update: messages.ScreenUpdate) -> None:
        """The agent's screen changed."""

    def show_history(self, rows: messages.HistoryRows) -> None:
        """Rows that were asked for."""

    def changed(self, event: AnyEvent | None) -> None:
        """The state has moved by ``event``; None: it is another one altogether."""

    def decision_refused(self, refusal: messages.DecisionRefused) -> None:
        """An answer had no effect."""

    def preview_came(self, preview: messages.AlwaysPreview) -> None:
        """The rule that was asked for."""

    def over(self, ending: Ending) -> None:
        """Nobody is there to type to any more."""


class FeedWatch(Protocol):
    """Who follows several feeds."""

    def feed_changed(self, feed: SessionFeed, event: AnyEvent | None, asked: bool) -> None:
        """The state has moved; ``asked``: a question came that was not there before."""

    def feed_over(self, feed: SessionFeed) -> None:
        """The session has ended or is lost; ``feed.ending`` says how."""

    def feed_gone(self, feed: SessionFeed, how: Departure) -> None:
        """There is nothing to show."""


class SessionFeed:
    """Follows the session behind one control socket from ``follow`` on. ``view``: who shows it, if anybody."""

    def __init__(self, socket_path: Path, watch: FeedWatch) -> None:
        self.socket_path = socket_path
        self.state: StateKeeper | None = None
        self.ending: Ending | None = None
        self.view: SessionView | None = None
        self.unread = 0
        """Warnings and failures that were not read yet."""
        self._watch = watch
        self._client: ControlClient | None = None
        self._stopping = False

    @property
    def connected(self) -> bool:
        """Whether there is somebody to send to."""
        return self._client is not None

    @property
    def departure(self) -> Departure:
        """What is to be said of it when the person turns away now."""
        if self.ending is not None:
            return self.ending.departure()
        return departure.detached(self.state.info.id) if self.state is not None else Departure("")

    async def follow(self, cols: int = 0, lines: int = 0) -> None:
        """Connect, with a terminal of ``cols`` x ``lines`` or none, and tell what happens until the session is over."""
        try:
            client = await ControlClient.connect(self.socket_path, cols=cols, lines=lines)
        except UserFacingError as error:
            self._watch.feed_gone(self, departure.refused(error))
            return
        self._client = client
        try:
            self._restore(StateKeeper.restore(client.state))
            async for message in client:
                self._receive(message)
        except ConnectionError:
            if self.ending is None:
                self._over(departure.supervisor_gone())
        finally:
            self._client = None
            await client.close()

    def send(self, message: messages.ClientMessage) -> None:
        """Ask the supervisor for something; nothing happens when it is gone."""
        if self._client is not None:
            self._client.send(message)

    def show_screen(self, shown: bool) -> None:
        """Have the agent's screen sent, or not."""
        self.send(messages.Watch(screen=shown))

    def stop(self) -> None:
        """End the session."""
        self.send(messages.StopSession())
        self._stopping = True

    def _receive(self, message: messages.ServerMessage) -> None:
        match message:
            case messages.Events(events=numbered):
                for each in numbered:
                    self._happened(each)
            case messages.Welcome(state=state):
                self._restore(StateKeeper.restore(state))
            case messages.Goodbye(reason=reason):
                self._goodbye(reason)
            case messages.Refused(reason=reason, remedy=remedy):
                self._watch.feed_gone(self, departure.refused(UserFacingError(reason, remedy)))
            case _ if self.view is not None:
                self._show(self.view, message)

    def _show(self, view: SessionView, message: messages.ServerMessage) -> None:
        match message:
            case messages.ScreenUpdate():
                view.draw(message)
            case messages.HistoryRows():
                view.show_history(message)
            case messages.DecisionRefused():
                view.decision_refused(message)
            case messages.AlwaysPreview():
                view.preview_came(message)

    def _restore(self, state: StateKeeper) -> None:
        self.state = state
        self._judge_status()
        self._tell(None, asked=False)

    def _happened(self, numbered: Numbered) -> None:
        state, event = self.state, numbered.event
        if state is None or numbered.seq <= state.seq:
            return
        new = isinstance(event, EscalationChanged) and event.escalation.id not in state.pending
        state.apply(numbered)
        self.unread += isinstance(event, Notice) and event.matters
        self._judge_status()
        asked = new and isinstance(event, EscalationChanged) and event.escalation.state is EscalationState.PENDING
        self._tell(event, asked=asked)

    def _tell(self, event: AnyEvent | None, *, asked: bool) -> None:
        if self.view is not None:
            self.view.changed(event)
        self._watch.feed_changed(self, event, asked)

    def _judge_status(self) -> None:
        if self.state is not None and self.ending is None:
            ending = departure.of_status(self.state.status, self.state.status_detail)
            if self.state.status is SessionStatus.ENDED and _failed(self.state):
                ending = departure.not_started(self.state.status_detail, self.state.remedy)
            if ending is not None:
                self._over(ending)

    def _goodbye(self, reason: str) -> None:
        if self.state is None:
            return
        if self._stopping:
            self._watch.feed_gone(self, departure.stopped(self.state.info.id))
        elif self.ending is None or not (self.ending.alarm or self.ending.failed):
            self._over(departure.goodbye(reason, self.state.exit_code))

    def _over(self, ending: Ending) -> None:
        self.ending = ending
        if self.state is not None:
            self.state.status = ending.status
            self.state.pending.clear()
        if self.view is not None:
            self.view.over(ending)
        self._watch.feed_over(self)


def _failed(state: StateKeeper) -> bool:
    """Whether the start ended at one of its steps."""
    return any(step.state is BadgeState.FAIL for step in state.steps.values())
