"""The one place where a real key is put into a request."""

from __future__ import annotations

from mitmproxy.http import Headers, HTTPFlow, Request

from ironcurtain_tui.credentials.credential import Key
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.tunnel import Tunnels


class CredentialSwap:
    """Replaces the sentinel, which the check has found in its places, by the key."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    async def requestheaders(self, flow: HTTPFlow) -> None:
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None:
            raise Refusal(403, "nothing may be said here before a CONNECT")
        destination = tunnel.destination
        if not isinstance(destination, ProviderDestination):
            return
        exchange = Exchange.of(flow)
        if not exchange.admitted:
            raise Refusal(403, "it was not admitted")
        try:
            exchange.key = await destination.route.key.key()
        except UserFacingError as error:
            raise Refusal(502, error.message.rstrip(".")) from None
        put_key(flow.request, destination, exchange.key)


def put_key(request: Request, destination: ProviderDestination, key: Key) -> None:
    """Put ``key`` into the places where the agent wrote its stand-in, and its account into the account's place."""
    secret = key.secret.reveal()
    real = {place.header.encode(): place.value(secret) for place in destination.host.credentials}
    account = destination.route.provider.account_header.encode()
    fields = [(name, real.get(name.lower(), value)) for name, value in request.data.headers.fields]
    if account:
        fields = [(name, value) for name, value in fields if name.lower() != account]
        if key.account:
            fields.append((account, key.account.encode("ascii", "replace")))
    request.data.headers = Headers(fields)
