"""The app for looking back: audit records and recordings of all sessions, without one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser
from ironcurtain_tui.ui.screens.replay import ReplayScreen
from ironcurtain_tui.ui.themed_app import ThemedApp


class ArchiveApp(ThemedApp[None], inherit_bindings=False):
    """Opens the audit browser with the filter ``text``, or plays ``session``; leaving it ends the app."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True)]

    def __init__(
        self,
        directory: AuditDirectory,
        text: str = "",
        theme: str = "",
        session: str = "",
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(theme)
        self._directory = directory
        self._text = text
        self._session = session
        self._now = now

    def on_mount(self) -> None:
        if self._session:
            self.push_screen(ReplayScreen(self._directory, self._session, now=self._now), self._left)
        else:
            self.push_screen(AuditBrowser(self._directory, self._text, now=self._now), self._left)

    def _left(self, _: None) -> None:
        self.exit()
