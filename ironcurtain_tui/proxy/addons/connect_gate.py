"""First gate: which host and port a CONNECT may open. Nothing is dialled here, or before."""

from __future__ import annotations

import re

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Tunnel
from ironcurtain_tui.policy.endpoint import is_host_name
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination, Routes
from ironcurtain_tui.proxy.tunnel import BlindTunnel, OpenTunnel, Tunnels

_AUTHORITY = re.compile(rb"([A-Za-z0-9.-]+):([1-9][0-9]{0,4})")
PORT = 443
_VERSIONS = (b"HTTP/1.1", b"HTTP/1.0")
"""Python's own client asks with the older one up to Python 3.11, which pip, requests and urllib rest on."""


class ConnectGate:
    """Admits a CONNECT on port 443, or that of a gateway or a registry; the tunnel leads to that host, and we read it.

    Where a person must be asked, it is opened too: only inside can be seen what is asked. Each request in it is
    then decided on by itself. Only what the policy names as blind is passed on unread, on any port.
    """

    def __init__(self, routes: Routes, tunnels: Tunnels, gate: Gate, recorder: FlowRecorder) -> None:
        self._routes = routes
        self._tunnels = tunnels
        self._gate = gate
        self._recorder = recorder

    async def http_connect(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        asked = exchange.action
        if not isinstance(asked, Tunnel) or self._tunnels.of(flow.client_conn) is not None or flow.client_conn.tls:
            raise Refusal(400, "a tunnel inside a tunnel is not opened")
        if flow.request.data.http_version not in _VERSIONS:
            raise Refusal(505, "only HTTP/1.1 is spoken here")
        if any(name in flow.request.headers for name in ("content-length", "transfer-encoding")):
            raise Refusal(400, "a CONNECT has no body")
        if not _AUTHORITY.fullmatch(flow.request.data.authority) or not is_host_name(asked.host.lower()):
            raise Refusal(403, "a CONNECT must name a host and a port, and no address")
        verdict = await self._gate.admit(asked)
        host = asked.host.lower()
        if verdict.decision not in (Decision.ALLOW, Decision.ESCALATE):
            raise Refusal.of(verdict)
        exchange.decision = Decision.ALLOW
        if verdict.blind:
            exchange.intended = True
            destination = self._routes.of(host)
            self._tunnels.open(flow.client_conn, BlindTunnel(destination, asked.port, exchange=exchange))
            self._recorder.publish(exchange)
            return
        destination = self._routes.of(host)
        port = destination.host.port if isinstance(destination, ProviderDestination) else PORT
        if asked.port != port and not asked.registry:  # a registry is known by its port
            raise Refusal(403, f"{host}:{asked.port} leads nowhere")
        flow.request.data.host, flow.request.data.port = host, asked.port
        self._tunnels.open(flow.client_conn, OpenTunnel(destination, asked.port))
        self._recorder.drop(exchange)
