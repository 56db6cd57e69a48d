"""The Textual app: theme, styles, palette; everything else is on the session's screen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.command import Provider
from textual.screen import Screen

from ironcurtain_tui.config import NotificationSettings
from ironcurtain_tui.ui import departure, desktop
from ironcurtain_tui.ui.commands import SessionCommands
from ironcurtain_tui.ui.departure import Departure
from ironcurtain_tui.ui.keymap import Keymap
from ironcurtain_tui.ui.notifications import Notifier
from ironcurtain_tui.ui.screens.keyed import CoveringScreen, KeyedScreen
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.themed_app import ThemedApp


class IronCurtainApp(ThemedApp[Departure], inherit_bindings=False):
    """Shows one session. Without bindings of its own: ctrl+c and ctrl+q are the agent's.

    ``run`` gives the Departure to print, or None when the app failed (see ``show``).
    """

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {SessionCommands}

    def __init__(
        self,
        socket_path: Path,
        *,
        prefix: str = "ctrl+a",
        theme: str = "",
        notifications: NotificationSettings | None = None,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(theme)
        self.use_command_palette = True
        self._socket_path = socket_path
        self._keys = Keymap(prefix)
        settings = notifications or NotificationSettings()
        self._notifier = Notifier(settings, os.environ, self._to_terminal, self._to_desktop, steady)
        self._now, self._steady = now, steady

    def get_default_screen(self) -> Screen[None]:
        return SessionScreen(self._socket_path, self._keys, self._leave, self._notifier, self._now, self._steady)

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

    def _to_terminal(self, made: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(made)

    def _to_desktop(self, title: str, text: str) -> None:
        self.run_worker(desktop.show(title, text), name="desktop notification")

    def _leave(self, how: Departure) -> None:
        self.exit(how, return_code=how.exit_code)


def show(app: IronCurtainApp, log_path: str = "") -> Departure:
    """Run ``app`` on the terminal until it closes. ``log_path``: where the log goes, for the person to look into."""
    return app.run() or departure.crashed(log_path)
