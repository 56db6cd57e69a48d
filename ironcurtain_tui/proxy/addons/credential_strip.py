"""No credential goes to a host that belongs to no provider."""

from __future__ import annotations

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.addons.credential_check import CREDENTIAL
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination, Routes
from ironcurtain_tui.proxy.tunnel import Tunnels


class CredentialStrip:
    """Takes out headers that carry a credential, and cookies. A key of ours anywhere in the head is a tripwire."""

    def __init__(self, routes: Routes, tunnels: Tunnels) -> None:
        self._routes = routes
        self._tunnels = tunnels

    def requestheaders(self, flow: HTTPFlow) -> None:
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        if isinstance(tunnel.destination, ProviderDestination):
            return
        request = flow.request.data
        if any(key in part for key in self._routes.keys for part in (request.path, *sum(request.headers.fields, ()))):
            raise Refusal(403, f"a placeholder key was about to be sent to {tunnel.host}", tripwire=True)
        kept, stripped = [], []
        for name, value in request.headers.fields:
            plain = name.lower().decode("ascii")
            if plain == "cookie" or CREDENTIAL.fullmatch(plain):
                stripped.append(plain)
            else:
                kept.append((name, value))
        request.headers = Headers(kept)
        Exchange.of(flow).stripped = tuple(dict.fromkeys(stripped))
