"""One connection of the agent."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, cast

from mitmproxy.connection import Connection
from mitmproxy.options import Options
from mitmproxy.proxy import commands, mode_specs
from mitmproxy.proxy.layers.http import HTTPMode
from mitmproxy.proxy.server import LiveConnectionHandler

from ironcurtain_tui.proxy.chain import DECIDING, HookChain
from ironcurtain_tui.proxy.core import CoreOptions, HttpLayer
from ironcurtain_tui.proxy.tunnel import Backlog
from ironcurtain_tui.proxy.turn import Turns

log = logging.getLogger(__name__)


class _Reader(Protocol):
    async def read(self, size: int, /) -> bytes: ...


_numbers = itertools.count(1)
_MODE = mode_specs.ProxyMode.parse("regular")
_ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None]


class _PausableReader:
    """Gives what was read only while the doors are not paused; more is not read meanwhile. An end passes at once."""

    def __init__(self, reader: _Reader, unpaused: Callable[[], Awaitable[None]]) -> None:
        self._reader = reader
        self._unpaused = unpaused

    async def read(self, size: int) -> bytes:
        """As a stream's."""
        data = await self._reader.read(size)
        if data:
            await self._unpaused()
        return data


class AgentConnection(LiveConnectionHandler):
    """Runs the protocol layers of one client connection until it ends, and everything it waits for with it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, chain: HookChain) -> None:
        super().__init__(reader, writer, cast(Options, CoreOptions()), _MODE)
        # A unix socket's peer has no name, but the core wants to print one.
        self.client.peername = self.client.sockname = ("agent", next(_numbers))
        self.backlog = Backlog()
        chain.connected(self.client, self.backlog)
        self._chain = chain
        self._hooks: set[asyncio.Task[object]] = set()
        # Only inside the tunnel is anything held with its body, so the CONNECT's own layer counts for itself.
        outermost = HttpLayer(self.layer.context, HTTPMode.regular, None, Backlog())
        self.layer = self._turns = Turns(outermost, self._start_hook)

    async def run(self) -> None:
        """Serve the connection to its end. Whatever still waited for a decision then is cancelled."""
        try:
            await self.handle_client()
        finally:
            self._chain.disconnected(self.client)
            for task in self._hooks:
                task.cancel()
            if self._hooks:
                await asyncio.wait(self._hooks, timeout=1)

    def abort(self) -> None:
        """Cut the connection; ``run`` then returns soon."""
        transport = self.transports.get(self.client)
        if transport is not None and transport.handler is not None:
            transport.handler.cancel("aborted")

    def _start_hook(self, hook: commands.StartHook) -> None:
        # A task, because a hook may wait; begun at once, because most do not.
        asyncio.Task(self.hook_task(hook), loop=asyncio.get_running_loop(), eager_start=True)

    async def hook_task(self, hook: commands.StartHook) -> None:
        await self.handle_hook(hook)
        if (completed := self._turns.over(hook)) is not None:
            await self.server_event(completed)

    async def handle_connection(self, connection: Connection) -> None:
        io = self.transports[connection]
        if io.reader is not None:
            io.reader = cast(asyncio.StreamReader, _PausableReader(io.reader, self.unpaused))
        await super().handle_connection(connection)

    async def unpaused(self) -> None:
        """Return when the doors are not paused. Meanwhile no time runs out."""
        with self.timeout_watchdog.disarm():
            await self._chain.unpaused()

    async def handle_hook(self, hook: commands.StartHook) -> None:
        (data,) = hook.args()
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (for the type checker: we are inside a coroutine)
        tracked = task not in self._hooks
        self._hooks.add(task)
        try:
            with self.timeout_watchdog.disarm():
                if not await self._chain.run(hook.name, data):
                    self.abort()
                elif hook.name in DECIDING:  # it may have an answer of ours, or let the request go on
                    await self._chain.unpaused()
        finally:
            if tracked:
                self._hooks.discard(task)

    async def drain_writers(self) -> None:
        await super().drain_writers()  # type: ignore[no-untyped-call]
        transport = self.transports.get(self.client)
        if transport is not None and transport.handler is asyncio.current_task():
            await self.backlog.room()

    def log(
        self,
        message: str,  # noqa: ARG002 (never shown: it may quote what was on the wire)
        level: int = logging.INFO,  # noqa: ARG002
        exc_info: bool | _ExceptionInfo | None = None,
    ) -> None:
        """Called by the core. With an exception, a layer has crashed: its connection must not go on."""
        if exc_info:
            log.error("the protocol core failed; the connection is cut")
            self.abort()
