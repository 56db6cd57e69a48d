"""Third gate: which address is dialled. Screened once, then pinned, so that a name cannot change its mind."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow
from mitmproxy.net.server_spec import ServerSpec
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from ironcurtain_tui.proxy.destination import Ways
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import BlindTunnel, OpenTunnel, Tunnels


class DestinationGuard:
    """Sends a request to a public address of its host (or to the upstream configured for it), over TLS."""

    def __init__(self, tunnels: Tunnels, ways: Ways) -> None:
        self._tunnels = tunnels
        self._ways = ways

    async def http_connect(self, flow: HTTPFlow) -> None:
        """A blind tunnel has no request to wait for: it is led right away."""
        tunnel = self._tunnels.of(flow.client_conn)
        if isinstance(tunnel, BlindTunnel):
            await self._find(tunnel)
            flow.request.data.host, flow.request.data.port = tunnel.dial or ("", 0)

    async def requestheaders(self, flow: HTTPFlow) -> None:
        if not Exchange.of(flow).held:
            await self._lead(flow)

    async def request(self, flow: HTTPFlow) -> None:
        """A held request is led nowhere, and its host not even looked up, before it was admitted."""
        await self._lead(flow)

    async def _lead(self, flow: HTTPFlow) -> None:
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None or not Exchange.of(flow).admitted:
            raise Refusal(403, "it was not admitted")
        if tunnel.dial is None:
            await self._find(tunnel)
        flow.request.data.host, flow.request.data.port = tunnel.dial or ("", 0)
        flow.request.data.scheme = b"https"
        flow.server_conn.via = _via(tunnel)

    async def _find(self, tunnel: OpenTunnel) -> None:
        way = await self._ways.to(tunnel.destination, tunnel.port)
        tunnel.addresses.extend(way.addresses)
        tunnel.parent = way.parent

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Last line: whatever the core is about to dial must be the pinned address, over TLS.

        Behind a parent proxy the parent is what is dialled, in plain; TLS with the host goes through it.
        """
        tunnel = self._tunnels.of(data.client)
        if tunnel is None or tunnel.dial is None:
            raise Refusal(403, "this address was not admitted")
        if tunnel.parent is not None:
            if data.server.address != tunnel.parent.address or data.server.tls or data.server.via is not None:
                raise Refusal(403, "this address was not admitted")
            return
        if data.server.address != tunnel.dial:
            raise Refusal(403, "this address was not admitted")
        if isinstance(tunnel, BlindTunnel):
            return
        if not data.server.tls or data.server.via is not None or data.server.transport_protocol != "tcp":
            raise Refusal(403, "only TLS is spoken with a server")

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """The next request tries the next address."""
        if (tunnel := self._tunnels.of(data.client)) is not None:
            tunnel.addresses.rotate(-1)


def _via(tunnel: OpenTunnel) -> ServerSpec | None:
    return None if tunnel.parent is None else ("http", tunnel.parent.address)
