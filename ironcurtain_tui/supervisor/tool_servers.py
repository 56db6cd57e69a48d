"""The tool servers of one session, and what the person is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from ironcurtain_tui.config import McpSettings
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.gateway.defaults import BUILT_IN, servers
from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.gateway.upstream import ServerState, Transport, Upstream
from ironcurtain_tui.supervisor.bulletin import Bulletin


class ToolServers:
    """Starts them side by side, in the background; one that does not start costs its tools and a notice, no more.

    ``logs`` is where the output of each is kept, ``transport`` the way to those that are reached by HTTP, ``nursery``
    where our own come from if it is there already; it is ended with them.
    """

    def __init__(
        self,
        settings: McpSettings,
        workspace: Path,
        logs: Path,
        bulletin: Bulletin,
        transport: Transport,
        nursery: Nursery | None = None,
    ) -> None:
        self._bulletin = bulletin
        self._down: set[str] = set()
        self._nursery = nursery or (Nursery() if Nursery.is_possible() else None)
        self.on_change: Callable[[], None] = lambda: None
        """Called when the tools of a server came or went."""
        self.all = tuple(
            Upstream(
                name,
                one,
                workspace,
                logs / f"mcp-{name}.log",
                self._state_changed,
                trusted=name in BUILT_IN and name not in settings.servers,
                transport=transport,
                nursery=self._nursery,
            )
            for name, one in servers(settings).items()
        )

    def start(self) -> None:
        """Begin to start all of them."""
        for server in self.all:
            server.start()

    async def stop(self) -> None:
        """End all of them."""
        await asyncio.gather(*(server.stop() for server in self.all))
        if self._nursery is not None:
            await self._nursery.close()

    def _state_changed(self, server: Upstream, state: ServerState, reason: str) -> None:
        self.on_change()
        if state is ServerState.DOWN and server.name not in self._down:
            self._down.add(server.name)
            self._bulletin.notice(
                BadgeState.WARN,
                f"The tool server {server.name} is not there: {reason}. The agent goes without its tools.",
                f"It is tried again. Its own words are in {server.log_file}.",
            )
        elif state is ServerState.UP and server.name in self._down:
            self._down.remove(server.name)
            self._bulletin.notice(BadgeState.OK, f"The tool server {server.name} is there again.")
