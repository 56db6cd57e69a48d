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
from ironcurtain_tui.events import AnyEvent, BadgeState, BellRang, Notice, ScreenRestarted, SessionInfo
from ironcurtain_tui.ui import departure, desktop
from ironcurtain_tui.ui.commands import SessionCommands
from ironcurtain_tui.ui.departure import Departure
from ironcurtain_tui.ui.kept_layout import KeptLayout, LayoutFile
from ironcurtain_tui.ui.keymap import TABS, Command, Keymap, Place, display
from ironcurtain_tui.ui.notifications import Notifier
from ironcurtain_tui.ui.other_sessions import OtherSessions
from ironcurtain_tui.ui.screens.keyed import ANYWHERE, CoveringScreen, KeyedScreen, PrefixedScreen
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.session_feed import SessionFeed
from ironcurtain_tui.ui.sessions import SessionsRoom
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
        layout: LayoutFile | None = None,
        front: int = 0,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        """``layout``: where the layout is kept; without it the app starts with the usual one, and forgets.

        ``front``: which of the sessions is shown first.
        """
        self._layout = layout
        self._kept = layout.load() if layout is not None else KeptLayout()
        super().__init__(theme or self._kept.theme)
        self.use_command_palette = True
        self._keys = Keymap(prefix)
        settings = notifications or NotificationSettings()
        self._notifier = Notifier(settings, os.environ, self._to_terminal, self._to_desktop, steady)
        self._now, self._steady = now, steady
        room = room or SessionsRoom(tuple, Path, lambda: ("shell",), ("false",))
        self._others = OtherSessions(self, self, room, self._keys, now)
        self._arrangement = self._kept.arrangement
        self._tabs: list[Tab] = []
        self._last: Tab | None = None
        self._opened = 0
        self._told: Sequence[TabLabel] = ()
        for index, path in enumerate(socket_paths):
            self._add(path, self.DEFAULT_MODE if index == front else "")
        self._list_mode = self.LIST_MODE if socket_paths else self.DEFAULT_MODE
        self.add_mode(self._list_mode, self._others.list_screen)

    def on_mount(self) -> None:
        # Asked to go, by the guard's death or by kill: leave properly, so that the terminal is put back.
        for asked in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(asked, self._leave)
        for tab in self._tabs:
            if tab.mode != self.DEFAULT_MODE:
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
            if isinstance(self.screen, PrefixedScreen) and self._take_prefix(self.screen, event.key):
                return
        await super().on_event(event)

    def _take_prefix(self, screen: PrefixedScreen, key: str) -> bool:
        """The prefix, and the key after it, on a screen with keys of its own. What it covers obeys."""
        if not screen.prefixed:
            screen.prefix(key == self._keys.prefix)
            return screen.prefixed
        pressed = self._keys.press(True, Place.PANEL, key)
        screen.prefix(pressed.prefixed)
        below = self.screen_stack[0]
        if pressed.command is not None and isinstance(below, KeyedScreen):
            if pressed.command not in ANYWHERE or pressed.command is Command.PALETTE:  # its commands are those of below
                screen.dismiss()
            below.obey(pressed.command)
        return True

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

    def tab_number(self, socket_path: Path) -> int:
        """The number of the tab that shows the session behind ``socket_path``, from 1; 0 when none does."""
        paths = [tab.feed.socket_path for tab in self._tabs]
        return paths.index(socket_path) + 1 if socket_path in paths else 0

    def last_shown(self) -> SessionInfo | None:
        """The session that is, or was last, in front."""
        tab = self._current or self._last
        return tab.feed.state.info if tab is not None and tab.feed.state is not None else None

    def go_back(self) -> None:
        """From the list to the tab that was in front before; out, where there is none."""
        if self._tabs:
            self._bring(self._last if self._last in self._tabs else self._tabs[0])
        else:
            self._leave()

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
                self._others.ask_for_new()
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

    def _add(self, socket_path: Path, mode: str = "") -> Tab:
        self._opened += 1
        tab = Tab(SessionFeed(socket_path, self), mode or f"tab-{self._opened}")
        self._tabs.append(tab)

        def screen() -> Screen[None]:
            tab.screen = SessionScreen(tab.feed, self._keys, self, self._arrangement, self._now, self._steady)
            tab.screen._css_update_count = self._css_update_count  # what is made now has the styles of now
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
        self._keep_layout()
        # Not at once: while its first screen is still being mounted, an app cannot go.
        self.call_later(self.exit, how, how.exit_code)

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
        self._keep_layout()

    def _keep_layout(self) -> None:
        """Keep how the app looks now, if that has changed: whatever ends it, the next one looks the same."""
        front = self._current
        if front is not None and front.screen is not None:
            self._arrangement = front.screen.arrangement
        shown = [tab for tab in self._tabs if tab.feed.state is not None]
        layout = KeptLayout(
            arrangement=self._arrangement,
            theme=self.theme,
            tabs=tuple(tab.feed.state.info.id for tab in shown if tab.feed.state is not None),
            front=shown.index(front) if front in shown else 0,
        )
        if self._layout is not None and layout != self._kept and (shown or not self._tabs):
            self._kept = layout
            self._layout.save(layout)

    def _to_terminal(self, made: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(made)

    def _to_desktop(self, title: str, text: str) -> None:
        self.run_worker(desktop.show(title, text), name="desktop notification")


def show(app: IronCurtainApp, log_path: str = "") -> Departure:
    """Run ``app`` on the terminal until it closes. ``log_path``: where the log goes, for the person to look into."""
    return app.run() or departure.crashed(log_path)
