"""A request that a person must see waits here, whole, with its body, and goes on as it is or not at all."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.events import Decision
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.core import MAX_HELD_BODY
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.reading import read_held
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import Routes


class Hold:
    """Brings a held request to the gate once all of it is there. Until then nothing was dialled or looked up."""

    def __init__(self, routes: Routes, gate: Gate, recorder: FlowRecorder) -> None:
        self._routes = routes
        self._gate = gate
        self._recorder = recorder

    async def request(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if not exchange.held:
            return
        if exchange.body_too_large:
            raise Refusal(413, f"a person would have to read it, and may be shown {MAX_HELD_BODY:,} bytes at most")
        flow.request.trailers = None
        request = read_held(flow, exchange)
        if any(key in request.body for key in self._routes.keys):
            raise Refusal(403, f"a placeholder key was about to be sent to {request.action.host}", tripwire=True)
        exchange.bytes_up = len(request.body)
        verdict = await self._gate.ask(request)
        if verdict.decision is not Decision.ALLOW:
            raise Refusal.of(verdict)
        exchange.decision = Decision.ALLOW
        exchange.intended = True
        exchange.approved_digest = verdict.digest
        self._recorder.publish(exchange)
