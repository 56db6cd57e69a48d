"""Where the agent's connections come in: the doors of a session, whatever they are made of."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.unix_socket import BoundSocket

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

BACKLOG = 512
"""Connections that wait to be accepted: more than are served at once, as a unix socket turns away who does not wait."""
LONGEST_LINE = 64 << 10
"""asyncio's own limit for what a reader collects."""
GREETING_SECONDS = 20.0
"""How long a connection may take to show its token."""


class Listener(Protocol):
    """A door."""

    async def open(self, serve: Serve, *, limit: int = LONGEST_LINE) -> None:
        """Accept connections; each is given to ``serve``, with a reader that collects ``limit`` bytes at most.

        Raises UserFacingError when that is impossible.
        """

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

    async def open(self, serve: Serve, *, limit: int = LONGEST_LINE) -> None:
        self._bound = BoundSocket.bind(self._path, self._mode)
        self._server = await asyncio.start_unix_server(serve, sock=self._bound.socket, backlog=BACKLOG, limit=limit)

    def close(self) -> None:
        if self._bound is not None:
            self._bound.remove()
            self._bound = None
        if self._server is not None:
            self._server.close()
            self._server = None


class TcpListener:
    """A free TCP port at one ``address`` of this host, taken at once; ValueError for one that means all of them.

    Others on the host can connect too, and so can other containers where the address is a bridge's: whoever serves
    here must ask for the session's token. UserFacingError when the address is not this host's.
    """

    def __init__(self, address: str) -> None:
        self._address = ipaddress.ip_address(address)
        if self._address.is_unspecified:
            raise ValueError("a door must not be bound to every address")
        family = socket.AF_INET6 if self._address.version == 6 else socket.AF_INET
        # Only where the protocol is named does asyncio send small pieces at once (TCP_NODELAY): unnamed, each but the
        # first of a stream waits up to 40 ms for the other side's acknowledgement.
        self._socket = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            self._socket.bind((address, 0))
        except OSError as error:
            self._socket.close()
            raise UserFacingError(
                f"Cannot listen on {address}: {error.strerror or error}.",
                "It should be the address of the engine's default bridge: look at `docker network inspect bridge`.",
            ) from error
        self.port = int(self._socket.getsockname()[1])
        self._server: asyncio.Server | None = None

    async def open(self, serve: Serve, *, limit: int = LONGEST_LINE) -> None:
        self._server = await asyncio.start_server(serve, sock=self._socket, backlog=BACKLOG, limit=limit)

    def close(self) -> None:
        if self._server is None:
            self._socket.close()
        else:
            self._server.close()


class HeldListener:
    """A door that is there before anybody serves at it: who comes after ``hold`` waits for ``open``.

    ``close`` sends away who still waits. ``limit``: what a reader collects at most; an ``open`` that wants another is
    a ValueError.
    """

    def __init__(self, door: Listener, limit: int = LONGEST_LINE) -> None:
        self._door = door
        self._limit = limit
        self._serve: asyncio.Future[Serve | None] | None = None

    async def hold(self) -> None:
        """Accept connections from now on. UserFacingError when that is impossible."""
        self._serve = asyncio.get_running_loop().create_future()
        await self._door.open(self._wait, limit=self._limit)

    async def open(self, serve: Serve, *, limit: int = LONGEST_LINE) -> None:
        if self._serve is None or limit != self._limit:
            raise ValueError("the door was not held, or for lines of another length")
        self._serve.set_result(serve)

    def close(self) -> None:
        self._door.close()
        if self._serve is not None and not self._serve.done():
            self._serve.set_result(None)

    async def _wait(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serve = await asyncio.shield(self._serve) if self._serve is not None else None
        if serve is None:
            writer.close()
        else:
            await serve(reader, writer)


class TokenListener:
    """A door whose callers must send ``token`` as their first line; what follows is theirs. Others are cut off."""

    def __init__(self, door: Listener, token: str) -> None:
        self._door = door
        self._token = token.encode()

    async def open(self, serve: Serve, *, limit: int = LONGEST_LINE) -> None:
        async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if await self._knows(reader):
                await serve(reader, writer)
            else:
                writer.close()

        await self._door.open(greet, limit=limit)

    def close(self) -> None:
        self._door.close()

    async def _knows(self, reader: asyncio.StreamReader) -> bool:
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                line = await reader.readuntil(b"\n")
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            return False
        return hmac.compare_digest(line.rstrip(b"\r\n"), self._token)
