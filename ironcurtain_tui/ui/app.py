"""The Textual app: its tabs, theme, styles and palette; what a session shows is on the session's screen."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.command import Provider
from textual.screen import Screen
from textual.worker import Worker

from ironcurtain_tui.config import NotificationSettings
from ironcurtain_tui.control.messages import Resize
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.events import AnyEvent, BadgeState, BellRang, Notice, ScreenRestarted
from ironcurtain_tui.ui import departure, desktop, errand
from ironcurtain_tui.ui.commands import SessionCommands
from ironcurtain_tui.ui.departure import Departure
from ironcurtain_tui.ui.keymap import ABOUT_TABS, TABS, Command, Keymap, display
from ironcurtain_tui.ui.layout import Arrangement
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.notifications import Notifier
from ironcurtain_tui.ui.screens.help import Help
from ironcurtain_tui.ui.screens.keyed import CoveringScreen, KeyedScreen
from ironcurtain_tui.ui.screens.new_session import NewSession, Wanted
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.screens.sessions import SessionsScreen
from ironcurtain_tui.ui.screens.starting import Starting
from ironcurtain_tui.ui.session_feed import SessionFeed
from ironcurtain_tui.ui.sessions import ListedSession, SessionsRoom
from ironcurtain_tui.ui.tabs import TabLabel, label, session_name
from ironcurtain_tui.ui.themed_app import ThemedApp
from ironcurtain_tui.ui.toasts import toast


@dataclass
class Tab:
    """One open session: its feed, its stack of screens, and what follows it."""

    feed: SessionFeed
    mode: str
    """Textual's name of its stack of screens."""
    screen: SessionScreen | None = None
    """There once the tab has been to the front."""
    worker: Worker[None] | None = None
    rang: bool = False


class IronCurtainApp(ThemedApp[Departure], inherit_bindings=False):
    """Shows sessions, one a tab, or first the list of them. It binds no key: ctrl+c and ctrl+q are the agent's.

    ``run`` gives the Departure to print, or None when the app failed (see ``show``).
    """

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {SessionCommands}
    DEFAULT_MODE = "first"
    LIST_MODE = "sessions"

    def __init__(
        self,
        *socket_paths: Path,
        prefix: str = "ctrl+a",
        theme: str = "",
        notifications: NotificationSettings | None = None,
        room: SessionsRoom | None = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(theme)
        self.use_command_palette = True
        self._keys = Keymap(prefix)
        settings = notifications or NotificationSettings()
        self._notifier = Notifier(settings, os.environ, self._to_terminal, self._to_desktop, steady)
        self._now, self._steady = now, steady
        self._room = room or SessionsRoom(tuple, Path, ("shell",), ("false",))
        self._arrangement = Arrangement()
        self._tabs: list[Tab] = []
        self._last: Tab | None = None
        self._opened = 0
        self._told: Sequence[TabLabel] = ()
        for path in socket_paths:
            self._add(path)
        self._list_mode = self.LIST_MODE if socket_paths else self.DEFAULT_MODE
        self.add_mode(self._list_mode, self._list_of_sessions)

    def on_mount(self) -> None:
        # Asked to go, by the guard's death or by kill: leave properly, so that the terminal is put back.
        for asked in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(asked, self._leave)
        for tab in self._tabs[1:]:
            self._follow(tab)
        self.set_interval(1.0, self._tick)

    def on_app_focus(self) -> None:
        self._notifier.focus_moved(True)
        if isinstance(self.screen, CoveringScreen):
            self.screen.looked_at_again()

    def on_app_blur(self) -> None:
        self._notifier.focus_moved(False)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key):
            self._notifier.key_fell()
            if isinstance(self.screen, KeyedScreen) and self.screen.take_key(event):
                return
        await super().on_event(event)

    # --- tabs ----------------------------------------------------------------------------------------

    @property
    def _current(self) -> Tab | None:
        """The tab in front; None where no tab is."""
        return next((tab for tab in self._tabs if tab.mode == self.current_mode), None)

    def tab_labels(self) -> Sequence[TabLabel]:
        """All tabs, from left to right."""
        front = self.current_mode
        return [label(tab.feed.state, rang=tab.rang, current=tab.mode == front) for tab in self._tabs]

    def open_tab(self, socket_path: Path) -> None:
        """Bring the session behind ``socket_path`` to the front, in a tab of its own."""
        known = next((tab for tab in self._tabs if tab.feed.socket_path == socket_path), None)
        self._bring(known or self._add(socket_path))

    def obey_tabs(self, command: Command) -> None:
        """Do what is about the tabs."""
        match command:
            case Command.DETACH:
                self._leave()
            case Command.CLOSE | Command.CLOSE_TAB:
                if self._current is not None:
                    self._close(self._current, self._current.feed.departure)
            case Command.NEXT_TAB:
                self._step(1)
            case Command.PREVIOUS_TAB:
                self._step(-1)
            case Command.SESSIONS:
                self._turn_away()
                self.switch_mode(self._list_mode)
            case Command.NEW_SESSION:
                self._ask_for_session()
            case _ if command in TABS:
                if TABS.index(command) < len(self._tabs):
                    self._bring(self._tabs[TABS.index(command)])

    def begin(self, feed: SessionFeed, cols: int, lines: int) -> None:
        """The screen of ``feed`` is there, and its terminal has this size."""
        tab = self._tab_of(feed)
        if tab is None:
            return
        if tab.worker is None:
            self._follow(tab, cols, lines)
        else:
            feed.send(Resize(cols=cols, lines=lines))
            feed.show_screen(tab is self._current)

    def _add(self, socket_path: Path) -> Tab:
        self._opened += 1
        first = self._opened == 1 and not self.is_running
        tab = Tab(SessionFeed(socket_path, self), self.DEFAULT_MODE if first else f"tab-{self._opened}")
        self._tabs.append(tab)

        def screen() -> Screen[None]:
            tab.screen = SessionScreen(tab.feed, self._keys, self, self._arrangement, self._now, self._steady)
            return tab.screen

        self.add_mode(tab.mode, screen)
        return tab

    def _follow(self, tab: Tab, cols: int = 0, lines: int = 0) -> None:
        tab.worker = self.run_worker(tab.feed.follow(cols, lines), name=f"session in {tab.mode}", exit_on_error=True)

    def _bring(self, tab: Tab) -> None:
        """To the front with ``tab``."""
        if tab is self._current:
            return
        self._turn_away()
        tab.rang = False
        self.switch_mode(tab.mode)
        if tab.screen is not None and tab.screen.is_mounted:
            tab.screen.turn(True)
        self._retell()

    def _turn_away(self) -> None:
        """The tab in front is not to be seen from now on."""
        tab = self._current
        if tab is not None and tab.screen is not None:
            self._arrangement = tab.screen.arrangement
            self._last = tab
            tab.screen.turn(False)

    def _step(self, by: int) -> None:
        if self._tabs:
            front = self._current or self._last
            at = self._tabs.index(front) if front in self._tabs else -by
            self._bring(self._tabs[(at + by) % len(self._tabs)])

    def _close(self, tab: Tab, how: Departure) -> None:
        """Take ``tab`` away, and with the last one the app, unless the list of sessions is looked at."""
        if self._tabs == [tab] and self.current_mode != self._list_mode:
            self._go(how)
            return
        at = self._tabs.index(tab)
        if tab is self._current:
            self._bring(self._tabs[at + 1 if at + 1 < len(self._tabs) else at - 1])
        self._tabs.remove(tab)
        if tab.worker is not None:
            tab.worker.cancel()
        self.remove_mode(tab.mode)
        self._retell()
        self.notify(how.message, severity="error" if how.exit_code else "information", timeout=10, markup=False)

    def _tab_of(self, feed: SessionFeed) -> Tab | None:
        return next((tab for tab in self._tabs if tab.feed is feed), None)

    def _retell(self) -> None:
        """Show the tab bar anew, if it says something else now."""
        labels = self.tab_labels()
        if labels != self._told and self.is_running and isinstance(self.screen, KeyedScreen):
            self._told = labels
            self.screen.tabs_changed()

    def _leave(self) -> None:
        self._go(departure.together([tab.feed.departure for tab in self._tabs]))

    def _go(self, how: Departure) -> None:
        # Not at once: while its first screen is still being mounted, an app cannot go.
        self.call_later(self.exit, how, how.exit_code)

    # --- other sessions ------------------------------------------------------------------------------

    def _list_of_sessions(self) -> SessionsScreen:
        return SessionsScreen(self._keys, self._room.listed, self._tab_number, self._act, self._now)

    def _tab_number(self, session: ListedSession) -> int:
        paths = [tab.feed.socket_path for tab in self._tabs]
        return paths.index(session.socket_path) + 1 if session.socket_path in paths else 0

    def _act(self, command: Command, session: ListedSession | None) -> None:
        """What a key in the list of sessions asks for."""
        match command:
            case Command.BACK:
                if not self._tabs:
                    self._leave()
                else:
                    self._bring(self._last if self._last in self._tabs else self._tabs[0])
            case Command.HELP:
                self.push_screen(Help(self._keys, (), False))
            case _ if command in ABOUT_TABS:
                self.obey_tabs(command)
            case _ if session is not None:
                self._act_on(command, session)

    def _act_on(self, command: Command, session: ListedSession) -> None:
        match command:
            case Command.DETAILS if session.running:
                self.open_tab(session.socket_path)
            case Command.DETAILS | Command.RESUME if session.resumable:
                self._resume(session)
            case Command.DETAILS | Command.REPLAY if session.recorded:
                self._replay(session.id)
            case Command.STOP_SELECTED:
                self.run_worker(self._stop(session.id), name="stop")
            case Command.BROWSE_AUDIT:
                self._browse_audit(session.id)
            case Command.DETAILS | Command.RESUME | Command.REPLAY:
                self.notify("Nothing was kept of it that could be resumed or played.", severity="warning")
            case _:
                pass

    def _ask_for_session(self) -> None:
        front = self._current or self._last
        info = front.feed.state.info if front is not None and front.feed.state is not None else None
        question = NewSession(
            info.workspace if info else str(Path.cwd()), self._room.agents, info.agent if info else ""
        )
        self.push_screen(question, self._start)

    def _start(self, wanted: Wanted | None) -> None:
        if wanted is not None:
            arguments = ["--workspace", str(wanted.workspace), "--agent", wanted.agent]
            self._start_with(f"{wanted.agent} in {wanted.workspace}", arguments)

    def _resume(self, session: ListedSession) -> None:
        self._start_with(f"{session.agent_title} in {session.workspace}, resumed", ["--resume", session.id])

    def _start_with(self, what: str, arguments: Sequence[str]) -> None:
        command = [*self._room.command, "run", "--detach", *arguments]
        self.push_screen(Starting(f"Starting {what}", command), self._started)

    def _started(self, session: str | None) -> None:
        if session is not None:
            self.open_tab(self._room.socket_of(session))

    async def _stop(self, session: str) -> None:
        said: list[str] = []
        code = await errand.run([*self._room.command, "stop", session], said.append)
        words = neutralise("\n".join(said)) or "Nothing was said about it."
        self.notify(words, severity="error" if code else "information", timeout=10, markup=False)

    def _replay(self, session: str) -> None:
        from ironcurtain_tui.audit.directory import AuditDirectory
        from ironcurtain_tui.ui.screens.replay import ReplayScreen

        self.push_screen(ReplayScreen(AuditDirectory(), session, now=self._now))

    def _browse_audit(self, session: str) -> None:
        from ironcurtain_tui.audit.directory import AuditDirectory
        from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser

        self.push_screen(AuditBrowser(AuditDirectory(), f"session:{session} ", now=self._now))

    # --- what the feeds tell -------------------------------------------------------------------------

    def feed_changed(self, feed: SessionFeed, event: AnyEvent | None, asked: bool) -> None:
        """The session that ``feed`` follows has moved."""
        tab = self._tab_of(feed)
        if tab is None or feed.state is None:
            return
        hidden = tab is not self._current
        name = session_name(feed.state) if hidden else ""
        match event:
            case Notice() as notice:
                toast(self, notice, name)
            case ScreenRestarted(reason=reason):
                text = f"The terminal's screen process was restarted: {reason}"
                toast(self, Notice(level=BadgeState.WARN, text=text), name)
            case BellRang():
                self.bell()
                tab.rang = hidden
            case _:
                pass
        if asked:
            self._notifier.came(self._states)
            if hidden:
                self.notify(f"Something waits for you there ({self._way_to(tab)}).", title=name, severity="warning")
        if hidden:
            self._retell()

    def feed_over(self, feed: SessionFeed) -> None:
        """The session that ``feed`` follows has ended or is lost."""
        tab = self._tab_of(feed)
        if tab is not None and tab is not self._current and feed.ending is not None and feed.state is not None:
            level = BadgeState.FAIL if feed.ending.alarm else BadgeState.OK
            toast(self, Notice(level=level, text=feed.ending.what), session_name(feed.state))
            self._retell()

    def feed_gone(self, feed: SessionFeed, how: Departure) -> None:
        """There is nothing to show in the tab of ``feed``."""
        tab = self._tab_of(feed)
        if tab is not None:
            self._close(tab, how)

    @property
    def _states(self) -> list[StateKeeper]:
        return [tab.feed.state for tab in self._tabs if tab.feed.state is not None]

    def _way_to(self, tab: Tab) -> str:
        at = self._tabs.index(tab) + 1
        return f"{display(self._keys.prefix)} {at if at <= len(TABS) else 'w'}"

    def _tick(self) -> None:
        self._notifier.tick(self._states)

    def _to_terminal(self, made: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(made)

    def _to_desktop(self, title: str, text: str) -> None:
        self.run_worker(desktop.show(title, text), name="desktop notification")


def show(app: IronCurtainApp, log_path: str = "") -> Departure:
    """Run ``app`` on the terminal until it closes. ``log_path``: where the log goes, for the person to look into."""
    return app.run() or departure.crashed(log_path)
