"""The app for looking back: audit records and recordings of all sessions, without one that runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar

from textual.binding import Binding, BindingType

from ironcurtain_tui.audit.chain import ChainBroken
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.past_flows import PastFlows
from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser
from ironcurtain_tui.ui.screens.replay import ReplayScreen
from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser
from ironcurtain_tui.ui.themed_app import ThemedApp

REFRESH_SECONDS = 1.0


class ArchiveApp(ThemedApp[None], inherit_bindings=False):
    """Opens the audit browser with the filter ``text``, plays ``session`` or shows its ``traffic``; then it ends."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c,ctrl+q", "quit", show=False, priority=True)]

    def __init__(
        self,
        directory: AuditDirectory,
        text: str = "",
        theme: str = "",
        session: str = "",
        now: Callable[[], float] = time.time,
        *,
        traffic: bool = False,
    ) -> None:
        super().__init__(theme)
        self._directory = directory
        self._text = text
        self._session = session
        self._now = now
        self._flows = PastFlows(directory, session) if traffic else None

    async def on_mount(self) -> None:
        if self._flows is not None:
            await self._read_flows()
            self.set_interval(REFRESH_SECONDS, self._read_flows)
            paths = SessionPaths.of(self._session, self._directory.root)
            flows = self._flows
            self.push_screen(TrafficBrowser(lambda: flows.flows, paths, now=self._now), self._left)
        elif self._session:
            self.push_screen(ReplayScreen(self._directory, self._session, now=self._now), self._left)
        else:
            self.push_screen(AuditBrowser(self._directory, self._text, now=self._now), self._left)

    async def _read_flows(self) -> None:
        if self._flows is not None:
            try:
                await self._flows.more()
            except (OSError, ChainBroken) as error:
                self.notify(neutralise(str(error)), severity="error", markup=False)

    def on_unmount(self) -> None:
        if self._flows is not None:
            self._flows.close()

    def _left(self, _: None) -> None:
        self.exit()
