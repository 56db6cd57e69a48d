"""Where the door is a TCP port, whoever comes must show the session's token."""

from __future__ import annotations

import base64
import binascii
import hmac

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import Tunnels

USER = "ironcurtain"


class ProxyAuthentication:
    """Refuses with 407 whatever comes before a tunnel without ``token`` in Proxy-Authorization, scheme Basic.

    Sources: RFC 9110 section 11.7, RFC 7617. The header goes no further: a CONNECT is not passed on, and inside the
    tunnel it is taken out.
    """

    def __init__(self, token: str, tunnels: Tunnels) -> None:
        self._token = f"{USER}:{token}".encode()
        self._tunnels = tunnels

    def http_connect(self, flow: HTTPFlow) -> None:
        shown = flow.request.headers.get_all("proxy-authorization")
        if len(shown) != 1 or not hmac.compare_digest(_credentials(shown[0]), self._token):
            raise Refusal(407, "the session's token is missing or wrong")

    def requestheaders(self, flow: HTTPFlow) -> None:
        if self._tunnels.of(flow.client_conn) is None:
            self.http_connect(flow)


def _credentials(value: str) -> bytes:
    """``user:password`` of a Basic header, or nothing."""
    scheme, _, encoded = value.partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return b""
