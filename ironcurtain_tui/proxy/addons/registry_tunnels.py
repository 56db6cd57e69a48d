"""Before a tunnel is decided on: does it lead to a package registry?"""

from __future__ import annotations

import asyncio

import msgspec
from mitmproxy.http import HTTPFlow

from ironcurtain_tui.packages.package import place_of
from ironcurtain_tui.policy.action import Tunnel
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.lookup import look_up
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registries import Registries
from ironcurtain_tui.proxy.route import Routes

NOWHERE = ".invalid"
"""No host's name ends so (RFC 6761); those that our own self-test asks for do."""


class RegistryTunnels:
    """Tells the policy so. A tunnel is all that it opens: each request in it is understood, or goes the usual way."""

    def __init__(self, registries: Registries, routes: Routes, gate: Gate) -> None:
        self._registries = registries
        self._routes = routes
        self._gate = gate
        self._exploring = asyncio.Lock()

    async def http_connect(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        asked = exchange.action
        if not isinstance(asked, Tunnel):
            return
        host = asked.host.lower()
        place = place_of(host, asked.port)
        known = bool(self._registries.kind_at(place)) or self._routes.of(host).provider is not None
        if not known and not host.endswith(NOWHERE):
            async with self._exploring:
                await self._explore()
        exchange.action = msgspec.structs.replace(asked, registry=self._registries.kind_at(place))

    async def _explore(self) -> None:
        """Find out, the first time a host is not known, whether it is one where a registry has its files."""
        for inquiry in self._registries.unexplored():
            try:
                await look_up(self._gate, self._registries, inquiry)
            except Refusal:
                continue  # it stays unknown, and is decided on as any other
