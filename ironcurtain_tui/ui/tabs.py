"""What the tab bar says of every session that is open, and what a session's screen asks of the app around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import SessionStatus
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.session_feed import SessionFeed
from ironcurtain_tui.ui.words import STATUS, STATUS_MEANING, Sign

NAME = 20
"""Characters of a tab's name."""
ALIVE = {SessionStatus.RUNNING, SessionStatus.IDLE, SessionStatus.WAITING}


@dataclass(frozen=True)
class TabLabel:
    """One tab, as the bar shows it."""

    name: str
    sign: Sign
    meaning: str
    """What the status means, and whose it is, in words."""
    waiting: int = 0
    """Actions that wait for the person."""
    rang: bool = False
    """The agent rang its bell while the tab was in the background."""
    current: bool = False

    @property
    def word(self) -> str:
        """The status as a symbol and a word, with what waits counted."""
        return f"{self.sign} ({self.waiting:,})" if self.waiting else str(self.sign)


def label(state: StateKeeper | None, *, rang: bool = False, current: bool = False) -> TabLabel:
    """The tab of the session that stands as ``state`` says; None: nothing is known of it yet."""
    if state is None:
        return TabLabel("…", STATUS[SessionStatus.STARTING], "Connecting", current=current)
    waiting = len(state.pending)
    status = SessionStatus.WAITING if waiting and state.status in ALIVE else state.status
    whose = f"{neutralise(state.info.agent_title)} in {neutralise(state.info.workspace)}"
    meaning = f"{whose}. {neutralise(state.status_detail) or STATUS_MEANING[state.status]}"
    return TabLabel(session_name(state), STATUS[status], meaning, waiting, rang, current)


def session_name(state: StateKeeper) -> str:
    """What a session is called on the screen: the last part of its workspace."""
    return clip(neutralise(Path(state.info.workspace).name or "/"), NAME)


@runtime_checkable
class Tabbed(Protocol):
    """An app with tabs."""

    def tab_labels(self) -> Sequence[TabLabel]:
        """All tabs, from left to right."""


class TabHost(Protocol):
    """The app, as a session's screen needs it."""

    def obey_tabs(self, command: Command) -> None:
        """Do what is about the tabs."""

    def begin(self, feed: SessionFeed, cols: int, lines: int) -> None:
        """The screen is there: connect ``feed`` with a terminal of this size, or give it the size."""
