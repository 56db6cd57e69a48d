"""Where the agent's connections come in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from ironcurtain_tui.unix_socket import BoundSocket

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener(Protocol):
    """A door. Today a unix socket."""

    async def open(self, serve: Serve) -> None:
        """Accept connections; each is given to ``serve``. Raises UserFacingError when that is impossible."""

    def close(self) -> None:
        """Accept no more, and take the door away."""


class UnixListener:
    """A unix socket at ``path``.

    ``mode`` 0600 when the container's user is ours, 0666 when not: the directory around it (0700) keeps
    other users of the host out.
    """

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self._path = path
        self._mode = mode
        self._bound: BoundSocket | None = None
        self._server: asyncio.Server | None = None

    async def open(self, serve: Serve) -> None:
        self._bound = BoundSocket.bind(self._path, self._mode)
        self._server = await asyncio.start_unix_server(serve, sock=self._bound.socket, backlog=128)

    def close(self) -> None:
        if self._bound is not None:
            self._bound.remove()
            self._bound = None
        if self._server is not None:
            self._server.close()
            self._server = None
