"""Tells viewers what passes, and has it kept."""

from __future__ import annotations

import asyncio
import itertools
import logging

from mitmproxy.connection import Client
from mitmproxy.http import HTTPFlow, Response

from ironcurtain_tui.events import FlowState
from ironcurtain_tui.policy.action import HttpRequest, Tunnel
from ironcurtain_tui.providers.cost import cost_usd
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Publish
from ironcurtain_tui.proxy.reading import read_request, read_tunnel
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.remembering import remember_answer, remember_request
from ironcurtain_tui.proxy.route import Routes
from ironcurtain_tui.proxy.tunnel import Tunnels
from ironcurtain_tui.traffic.keeper import TrafficKeeper

log = logging.getLogger(__name__)

INTERVAL = 0.1
"""Seconds between two publications of growing byte counts of one flow. Everything else is told at once."""


_CAUSES = (
    ("Certificate verify failed", "the server's certificate cannot be verified"),
    ("Client disconnected", "the agent closed the connection"),
    ("server closed connection", "the server closed the connection"),
    ("[Errno", "the server cannot be reached"),
    ("Multiple exceptions", "the server cannot be reached"),
    ("OpenSSL", "TLS with the server failed"),
    ("Upstream proxy", "the network's own proxy refused to connect"),
    ("The remote server does not speak TLS", "the server does not speak TLS"),
    ("Cannot parse HTTP response", "the server's answer cannot be read"),
    ("HTTP/1 protocol error", "a body cannot be read"),
)
"""How the core's errors begin, and what they mean. Their own words may quote what was on the wire."""


class FlowRecorder:
    """Keeps the exchange of every flow and publishes its changes. ``keeper`` gets what is over."""

    def __init__(self, publish: Publish, routes: Routes, tunnels: Tunnels, keeper: TrafficKeeper | None = None) -> None:
        self._keeper = keeper
        self._publish_flow = publish
        self._routes = routes
        self._tunnels = tunnels
        self._numbers = itertools.count(1)
        self._active: dict[str, list[Exchange]] = {}
        self._due: dict[str, Exchange] = {}
        """Those whose byte counts have grown since they were published."""
        self._timer: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    # --- hooks -----------------------------------------------------------------------------------

    def http_connect(self, flow: HTTPFlow) -> None:
        self.exchange(flow)

    def requestheaders(self, flow: HTTPFlow) -> None:
        self.exchange(flow)

    def request(self, flow: HTTPFlow) -> None:
        capture = Exchange.of(flow).capture
        if capture is not None and flow.request.raw_content and not capture.request.size:
            capture.request.feed(flow.request.raw_content)  # it was collected: a streamed one was heard as it passed

    def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if exchange.over or flow.response is None:
            return
        exchange.status = flow.response.status_code
        exchange.content_type = flow.response.headers.get("content-type", "")[:200]
        exchange.first_byte_ms = exchange.elapsed_ms()
        exchange.state = FlowState.STREAMING
        self.publish(exchange)

    def response(self, flow: HTTPFlow) -> None:
        self.finish(Exchange.of(flow), FlowState.DONE)

    def error(self, flow: HTTPFlow) -> None:
        self.failed(flow, _cause(flow.error.msg if flow.error else ""))

    # --- for other add-ons and the chain -----------------------------------------------------------

    def exchange(self, flow: HTTPFlow) -> Exchange:
        """The exchange of ``flow``, begun now when it has none."""
        if (known := Exchange.find(flow)) is not None:
            return known
        client = flow.client_conn
        tunnel = self._tunnels.of(client)
        if flow.request.data.method == b"CONNECT":
            exchange = self.begin(client, read_tunnel(flow.request, self._routes), "CONNECT")
        else:
            request = read_request(flow.request, tunnel, self._routes)
            exchange = self.begin(client, request, request.method)
        if tunnel is not None:
            exchange.provider = tunnel.destination.provider
        exchange.attach(flow)
        if exchange.capture is not None:
            remember_request(exchange.capture, flow.request)
        return exchange

    def begin(self, client: Client, action: HttpRequest | Tunnel, method: str) -> Exchange:
        """A new exchange of ``client``. Nothing is published yet."""
        capture = self._keeper.begin() if self._keeper is not None else None
        exchange = Exchange(id=f"f{next(self._numbers)}", action=action, method=method, capture=capture)
        self._active.setdefault(client.id, []).append(exchange)
        self._idle.clear()
        return exchange

    def reserved(self, *, held: bool) -> int:
        """Bytes that collected bodies may take: of requests that are held for a person, or of the others."""
        return sum(each.reserved for active in self._active.values() for each in active if each.held is held)

    def progressed(self, exchange: Exchange) -> None:
        """Byte counts have grown: publish, but not more often than every ``INTERVAL``."""
        if exchange.over:
            return
        self._due[exchange.id] = exchange
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._publish_due)

    def refused(self, exchange: Exchange, refusal: Refusal, answer: Response | None = None) -> None:
        """The proxy or the policy said no, with this answer to the agent."""
        if exchange.capture is not None and answer is not None:
            remember_answer(exchange.capture, answer)
        exchange.decision = refusal.decision
        exchange.reason = refusal.reason
        exchange.status = refusal.status
        self.finish(exchange, FlowState.DONE)

    def unreachable(self, exchange: Exchange, refusal: Refusal, answer: Response) -> None:
        """It was admitted, and nobody takes that back: there is no way to its host, as this answer tells the agent."""
        if exchange.capture is not None:
            remember_answer(exchange.capture, answer)
        exchange.reason = refusal.reason
        exchange.status = refusal.status
        self.finish(exchange, FlowState.ERROR)

    def answered(self, exchange: Exchange, answer: Response) -> None:
        """It was asked of a server by us, and answered here."""
        if exchange.capture is not None:
            remember_answer(exchange.capture, answer)
        exchange.status = answer.status_code
        exchange.content_type = answer.headers.get("content-type", "")
        exchange.first_byte_ms = exchange.elapsed_ms()
        exchange.bytes_down = len(answer.data.content or b"")
        self.publish(exchange)

    def failed(self, flow: HTTPFlow, reason: str) -> None:
        """The exchange broke off."""
        exchange = self.exchange(flow)
        if not exchange.over:
            exchange.reason = exchange.reason or reason
        self.finish(exchange, FlowState.ERROR)

    def finish(self, exchange: Exchange, state: FlowState) -> None:
        """The exchange is over; later calls change nothing."""
        if exchange.over:
            return
        if state is FlowState.ERROR and exchange.tap is not None and exchange.tap.complete:
            # Codex leaves as soon as it has read the last event, before the body ends.
            state, exchange.reason = FlowState.DONE, ""
        exchange.state = state
        exchange.total_ms = exchange.elapsed_ms()
        usage = exchange.tap.usage if exchange.tap else None
        if exchange.tap is not None and usage is not None and exchange.provider is not None:
            told = exchange.tap.cost_usd
            exchange.cost_usd = cost_usd(exchange.provider.prices, usage) if told is None else told
        self.publish(exchange)
        if self._keeper is not None and exchange.capture is not None:
            self._keeper.keep(exchange.capture, exchange.snapshot())
            exchange.capture = None
        self.drop(exchange)

    def drop(self, exchange: Exchange) -> None:
        """Forget an exchange: it is over, or it is an admitted CONNECT, which is not shown."""
        if exchange.capture is not None:
            exchange.capture.forget()
        for client_id, exchanges in self._active.items():
            if exchange in exchanges:
                exchanges.remove(exchange)
                if not exchanges:
                    del self._active[client_id]
                break
        if not self._active:
            self._idle.set()

    def abandon(self, client: Client) -> None:
        """``client`` is gone, and with it whatever it had open."""
        for exchange in list(self._active.get(client.id, ())):
            exchange.reason = exchange.reason or "the agent closed the connection"
            self.finish(exchange, FlowState.ERROR)

    def publish(self, exchange: Exchange) -> None:
        """Tell everybody, now."""
        self._due.pop(exchange.id, None)
        try:
            self._publish_flow(exchange.snapshot())
        except Exception as error:
            log.error("a flow could not be published: %s", type(error).__name__)

    def _publish_due(self) -> None:
        self._timer = None
        for exchange in list(self._due.values()):
            self.publish(exchange)

    async def idle(self) -> None:
        """Return when nothing is under way."""
        await self._idle.wait()


def _cause(error: str) -> str:
    return next((words for start, words in _CAUSES if error.startswith(start)), "the connection ended early")
