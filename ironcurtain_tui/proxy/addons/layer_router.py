"""Which protocol follows a CONNECT: TLS with HTTP inside, or, where the policy says blind, whatever comes."""

from __future__ import annotations

from mitmproxy.net.tls import starts_like_tls_record
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer, NextLayer
from mitmproxy.proxy.layers import TCPLayer
from mitmproxy.proxy.layers.http._upstream_proxy import HttpUpstreamProxy

from ironcurtain_tui.proxy.core import ClientTLSLayer
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import BlindTunnel, Tunnels


class LayerRouter:
    """Waits until it can tell, and never guesses: stock takes two bytes for 'not TLS' and lets all pass unread."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    def next_layer(self, next_layer: NextLayer) -> None:
        client = next_layer.context.client
        tunnel = self._tunnels.of(client)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        if isinstance(tunnel, BlindTunnel):
            next_layer.layer = _relay(next_layer.context, tunnel)
            return
        data: bytes = next_layer.data_client()  # type: ignore[no-untyped-call]
        if len(data) < 3:
            return
        if not starts_like_tls_record(data):
            raise Refusal(403, f"only TLS is spoken with {tunnel.host}")
        provider = tunnel.destination.provider
        next_layer.layer = ClientTLSLayer(next_layer.context, provider, self._tunnels.backlog(client))


def _relay(context: Context, tunnel: BlindTunnel) -> Layer:
    """What passes bytes on unread, through the parent proxy where there is one on the way."""
    if tunnel.parent is None:
        return TCPLayer(context)
    context.server.via = ("http", tunnel.parent.address)
    stack = HttpUpstreamProxy.make(context, True)
    stack /= TCPLayer(context)
    return stack[0]
