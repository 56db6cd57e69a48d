"""The one place where a real key is put into a request."""

from __future__ import annotations

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.tunnel import Tunnels


class CredentialSwap:
    """Replaces the sentinel, which the check has found in its place, by the key."""

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
        place = destination.host.credential
        real = place.value(destination.route.key.reveal())
        flow.request.data.headers = Headers(
            [
                (name, real if name.lower() == place.header.encode() else value)
                for name, value in flow.request.data.headers.fields
            ]
        )
