"""What a response may bring into the container: no key, no cookie, nothing for another hop or another door."""

from __future__ import annotations

import http
import re

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.addons.package_requests import inquiry_of
from ironcurtain_tui.proxy.addons.request_form import connection_options
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registries import Registries
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.scrubber import NothingToScrub, Scrubber
from ironcurtain_tui.proxy.secret_forms import SecretForms
from ironcurtain_tui.proxy.tunnel import Tunnels

MOST_KEYS = 4
"""Of a credential that changed, the newest values that are looked for: two pairs of tokens."""
_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_DROPPED = frozenset(
    {
        b"alt-svc",
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authentication-info",
        b"proxy-connection",
        b"set-cookie",
        b"set-cookie2",
        b"te",
        b"trailer",
        b"upgrade",
    }
)
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"content-type", b"content-encoding"})


class ResponseHygiene:
    """Cleans the head of a response; the body gets a scrubber. What cannot be read is not passed on."""

    def __init__(self, tunnels: Tunnels, registries: Registries) -> None:
        self._tunnels = tunnels
        self._registries = registries
        self._forms: dict[str, tuple[tuple[str, ...], SecretForms]] = {}
        """By the provider, or the place of a registry: its keys, and what finds them."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if not exchange.admitted or flow.response is None:
            return  # an answer of our own
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None:
            raise Refusal(502, "the tunnel is gone")
        response = flow.response.data
        coding = flow.response.headers.get("content-encoding", "identity").strip().lower()
        transfer = flow.response.headers.get("transfer-encoding", "chunked").strip().lower()
        destination = tunnel.destination
        inquiry = inquiry_of(flow)
        login = None if inquiry is None else self._registries.login(inquiry)
        keyed = isinstance(destination, ProviderDestination) or login is not None
        if transfer != "chunked" or (keyed and coding not in ("", "identity")):
            raise Refusal(502, "the server sent an encoding it was not asked for, which cannot be checked for keys")
        if not all(_VALUE.fullmatch(value) for _, value in response.headers.fields):
            raise Refusal(502, "the server sent a header with control characters")
        if isinstance(destination, ProviderDestination):
            route = destination.route
            forms = self._forms_of(route.provider.name, route.key.secrets[-MOST_KEYS:], route.sentinel)
            exchange.scrubber = Scrubber(forms)
        elif login is not None:
            exchange.scrubber = Scrubber(self._forms_of(f"{login.place}{login.prefix}", login.secrets, ""))
        else:
            exchange.scrubber = NothingToScrub()
        options = connection_options(response.headers)
        dropped = _DROPPED | (options - _FRAMING)
        kept = [(name, value) for name, value in response.headers.fields if name.lower() not in dropped]
        together = b"\n".join(part for field in kept for part in field)
        if exchange.scrubber.whole(together) != together:
            kept = [(exchange.scrubber.whole(name), exchange.scrubber.whole(value)) for name, value in kept]
        if b"close" in options:
            kept.append((b"Connection", b"close"))
        response.headers = Headers(kept)
        response.reason = _phrase(response.status_code)
        response.trailers = None

    def _forms_of(self, name: str, secrets: tuple[str, ...], sentinel: str) -> SecretForms:
        known = self._forms.get(name)
        if known is None or known[0] != secrets:
            known = self._forms[name] = secrets, SecretForms(secrets, sentinel)
        return known[1]


def _phrase(status: int) -> bytes:
    try:
        return http.HTTPStatus(status).phrase.encode()
    except ValueError:
        return b"Status"
