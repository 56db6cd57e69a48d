"""CONNECT host, name in the handshake and Host header must be one and the same."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.tunnel import Tunnels


class HostAgreement:
    """Lets a request pass only inside the tunnel of its own host, in origin form, on HTTP/1.1."""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    def requestheaders(self, flow: HTTPFlow) -> None:
        if flow.error is not None:
            raise Refusal(400, "the request is malformed")
        tunnel = self._tunnels.of(flow.client_conn)
        if tunnel is None or not flow.client_conn.tls_established:
            raise Refusal(403, "only HTTPS through a CONNECT is let through")
        if (flow.client_conn.sni or "").lower() != tunnel.host:
            raise Refusal(421, f"the connection is not one to {tunnel.host}")
        request = flow.request.data
        if request.http_version != b"HTTP/1.1":
            raise Refusal(505, "only HTTP/1.1 is spoken here")
        if request.authority:
            raise Refusal(400, "inside a tunnel a request names no host in its target")
        hosts = [value.lower() for name, value in request.headers.fields if name.lower() == b"host"]
        if hosts not in ([tunnel.host.encode()], [f"{tunnel.host}:{tunnel.port}".encode()]):
            raise Refusal(421, f"the Host header does not name {tunnel.host}, which the CONNECT was for")
