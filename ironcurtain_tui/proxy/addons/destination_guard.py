"""Third gate: which address is dialled. Screened once, then pinned, so that a name cannot change its mind."""

from __future__ import annotations

from collections.abc import Callable

from mitmproxy.http import HTTPFlow
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from ironcurtain_tui.policy.address import is_public
from ironcurtain_tui.proxy.destination import Resolve
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import BlindTunnel, OpenTunnel, Tunnels


class DestinationGuard:
    """Sends a request to a public address of its host (or to the upstream configured for it), over TLS."""

    def __init__(self, tunnels: Tunnels, resolve: Resolve, names_address: Callable[[str], bool]) -> None:
        self._tunnels = tunnels
        self._resolve = resolve
        self._names_address = names_address

    async def http_connect(self, flow: HTTPFlow) -> None:
        """A blind tunnel has no request to wait for: it is led right away."""
        tunnel = self._tunnels.of(flow.client_conn)
        if isinstance(tunnel, BlindTunnel):
            tunnel.addresses.extend(await self._screened(tunnel))
            if tunnel.dial is None:
                raise Refusal(502, f"{tunnel.host} has no address")
            flow.request.data.host, flow.request.data.port = tunnel.dial

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
            tunnel.addresses.extend(await self._screened(tunnel))
        if tunnel.dial is None:
            raise Refusal(502, f"{tunnel.host} has no address")
        flow.request.data.host, flow.request.data.port = tunnel.dial
        flow.request.data.scheme = b"https"

    async def _screened(self, tunnel: OpenTunnel) -> list[str]:
        upstream = tunnel.destination.upstream
        if upstream is not None:
            return [upstream.host]
        try:
            addresses = await self._resolve(tunnel.host, tunnel.port)
        except OSError as error:
            raise Refusal(502, f"the address of {tunnel.host} cannot be found") from error
        provider = tunnel.destination.provider is not None
        if not all(is_public(each) or (not provider and self._names_address(each)) for each in addresses):
            raise Refusal(502, f"{tunnel.host} leads to an address that is not public")
        return addresses

    def server_connect(self, data: ServerConnectionHookData) -> None:
        """Last line: whatever the core is about to dial must be the pinned address, over TLS."""
        tunnel = self._tunnels.of(data.client)
        if tunnel is None or tunnel.dial is None or data.server.address != tunnel.dial:
            raise Refusal(403, "this address was not admitted")
        if isinstance(tunnel, BlindTunnel):
            return
        if not data.server.tls or data.server.via is not None or data.server.transport_protocol != "tcp":
            raise Refusal(403, "only TLS is spoken with a server")

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        """The next request tries the next address."""
        if (tunnel := self._tunnels.of(data.client)) is not None:
            tunnel.addresses.rotate(-1)
