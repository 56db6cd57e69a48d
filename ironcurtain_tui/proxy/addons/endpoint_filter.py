"""Second gate: which method and path of a host may be asked."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import Refusal


class EndpointFilter:
    """Asks the gate. Even what the gate allows must be on the provider's list, or no key would be put in."""

    def __init__(self, gate: Gate, recorder: FlowRecorder) -> None:
        self._gate = gate
        self._recorder = recorder

    async def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        asked = exchange.action
        if not isinstance(asked, HttpRequest):
            raise Refusal(400, "the request is malformed")
        verdict = await self._gate.admit(asked)
        if verdict.decision is Decision.ANSWER:
            raise Refusal(verdict.answer_status or 404, verdict.reason, recorded=True, decision=Decision.ANSWER)
        if verdict.decision is not Decision.ALLOW:
            raise Refusal(403, verdict.reason or "the policy denies it", recorded=True)
        if exchange.endpoint is None or exchange.endpoint.answer is not None:
            raise Refusal(403, f"{asked.method} {asked.path} is not an endpoint of {asked.host}")
        exchange.decision = Decision.ALLOW
        self._recorder.publish(exchange)

    def request(self, flow: HTTPFlow) -> None:
        """Second line: a request that is not streamed comes by here before it is sent."""
        flow.request.trailers = None
        if not Exchange.of(flow).admitted and flow.response is None:
            raise Refusal(403, "it was not admitted")
