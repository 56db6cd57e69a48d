"""A key that the provider does not accept is replaced, and the request asked again, without the agent noticing."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.addons.credential_swap import put_key
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import AskAgain
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.tunnel import Tunnels


class KeyRenewal:
    """On status 401 the credential is told; when it has another key, the request is sent once more with that one.

    Once only, and only when its body was collected: one that was streamed is gone, and the agent gets the 401.
    Must stand before whatever looks at a response.
    """

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    async def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        tunnel = self._tunnels.of(flow.client_conn)
        if flow.response is None or flow.response.status_code != 401 or exchange.key is None or tunnel is None:
            return
        destination = tunnel.destination
        if not isinstance(destination, ProviderDestination):
            return
        renewed = await destination.route.key.rejected(exchange.key)
        if not renewed or exchange.asked_again or flow.request.stream:
            return
        exchange.asked_again = True
        exchange.key = await destination.route.key.key()
        put_key(flow.request, destination, exchange.key)
        raise AskAgain
