"""The one place where a real key is put into a request."""

from __future__ import annotations

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.tunnel import Tunnels


class CredentialSwap:
    """Replaces the sentinel, which the check has found in its places, by the key."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    def requestheaders(self, flow: HTTPFlow) -> None:
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        destination = tunnel.destination
        if not isinstance(destination, ProviderDestination):
            return
        if not Exchange.of(flow).admitted:
            raise Refusal(403, "it was not admitted")
        key = destination.route.key.reveal()
        real = {place.header.encode(): place.value(key) for place in destination.host.credentials}
        flow.request.data.headers = Headers(
            [(name, real.get(name.lower(), value)) for name, value in flow.request.data.headers.fields]
        )
