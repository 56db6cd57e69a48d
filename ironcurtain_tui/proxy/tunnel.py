"""What is known about each of the agent's connections after its CONNECT."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from mitmproxy.connection import Client

from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.parent import ParentProxy
from ironcurtain_tui.proxy.route import Destination

MAX_BACKLOG = 8 << 20
"""Bytes of a request that is held (for a decision, for its upstream) that are read ahead at most."""


class Backlog:
    """Bytes that wait inside a held request. While there are too many, no more are read."""

    def __init__(self) -> None:
        self._room = asyncio.Event()
        self._room.set()

    def report(self, size: int) -> None:
        """``size`` bytes wait now."""
        if size > MAX_BACKLOG:
            self._room.clear()
        else:
            self._room.set()

    async def room(self) -> None:
        """Return as soon as more may be read."""
        await self._room.wait()


@dataclass
class OpenTunnel:
    """An admitted CONNECT: where it leads, and the addresses it may be dialled at."""

    destination: Destination
    port: int
    addresses: deque[str] = field(default_factory=deque)
    """Screened and pinned by the destination guard, the one in use first; empty before the first request."""
    parent: ParentProxy | None = None
    """What the way there goes through; set together with the addresses."""

    @property
    def host(self) -> str:
        return self.destination.name

    @property
    def dial(self) -> tuple[str, int] | None:
        """The one address that may be connected to; None while none is pinned."""
        if not self.addresses:
            return None
        upstream = self.destination.upstream
        return self.addresses[0], self.port if upstream is None else upstream.port


@dataclass
class BlindTunnel(OpenTunnel):
    """One whose bytes are passed on unread, counted in ``exchange``."""

    exchange: Exchange = field(kw_only=True)


class Tunnels:
    """The connections of the agent, and the open tunnel of each that has one."""

    def __init__(self) -> None:
        self._backlogs: dict[str, Backlog] = {}
        self._open: dict[str, OpenTunnel] = {}

    def connect(self, client: Client, backlog: Backlog) -> None:
        """``client`` is there; it has no tunnel yet."""
        self._backlogs[client.id] = backlog

    def disconnect(self, client: Client) -> None:
        """``client`` is gone."""
        self._open.pop(client.id, None)
        self._backlogs.pop(client.id, None)

    def open(self, client: Client, tunnel: OpenTunnel) -> None:
        """``client`` may speak TLS with us now, about ``tunnel.host`` and nothing else."""
        self._open[client.id] = tunnel

    def of(self, client: Client) -> OpenTunnel | None:
        """The open tunnel of ``client``; None before its CONNECT was admitted."""
        return self._open.get(client.id)

    def backlog(self, client: Client) -> Backlog:
        """Where held bytes of ``client`` are counted; KeyError when it is gone."""
        return self._backlogs[client.id]
