"""Only the session's sentinel opens a provider: not another key, not a key in another place, not none."""

from __future__ import annotations

import hmac
import re

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination, Routes
from ironcurtain_tui.proxy.tunnel import Tunnels

CREDENTIAL = re.compile(
    r"(?:.*[-_])?(?:authorization|auth|api[-_]?keys?|access[-_]?keys?|tokens?|secrets?|credentials?|passw(?:or)?d|jwt)"
    r"(?:[-_].*)?"
)
"""Names of headers that carry a credential at some service or other."""


class CredentialCheck:
    """Refuses every credential in a request to a provider but the sentinel in its places; cookies are dropped."""

    def __init__(self, routes: Routes, tunnels: Tunnels) -> None:
        self._tunnels = tunnels
        self._routes = routes

    def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None or not isinstance(exchange.action, HttpRequest):
            raise Refusal(403, "only HTTPS through a CONNECT is let through")
        if not isinstance(tunnel.destination, ProviderDestination):
            return
        host = tunnel.destination.host
        route = tunnel.destination.route
        exchange.endpoint = host.endpoint(exchange.action.method, exchange.action.path)
        if not host.credentials:
            return  # no endpoint of it is ever forwarded
        expected = {place.header: place.value(route.sentinel) for place in host.credentials}
        keys = self._routes.keys
        found: list[str] = []
        kept = []
        for name, value in flow.request.data.headers.fields:
            plain = name.lower().decode("ascii")
            if plain == "cookie":
                continue
            if plain in expected:
                if not hmac.compare_digest(value, expected[plain]):
                    raise Refusal(403, f"only the session's own placeholder key opens {host.name}; another was sent")
                found.append(plain)
            elif CREDENTIAL.fullmatch(plain):
                raise Refusal(403, f"a credential in the header {plain} is not let through to {host.name}")
            elif any(key in value or key in name for key in keys):
                raise Refusal(403, f"a key stands in the header {plain}, where it does not belong", tripwire=True)
            kept.append((name, value))
        if any(key in flow.request.data.path for key in keys):
            raise Refusal(403, "a key stands in the request target, where it does not belong", tripwire=True)
        key_is_due = exchange.endpoint is not None and exchange.endpoint.answer is None
        if len(found) > len(set(found)) or (key_is_due and not found):
            raise Refusal(403, f"exactly one key is due for {host.name}, {len(found)} were sent")
        flow.request.data.headers = Headers(kept)
