"""Second gate: which method and path of a host may be asked."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.core import MAX_HELD_BODY
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import Refusal

MAX_HELD = 64 << 20
"""Bytes of all requests together that are held for a person."""


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
        if verdict.decision not in (Decision.ALLOW, Decision.ESCALATE):
            raise Refusal.of(verdict)
        exchange.intended = verdict.decision is Decision.ALLOW
        if exchange.provider is not None:
            if verdict.decision is Decision.ESCALATE:
                raise Refusal(403, f"{asked.method} {asked.path} cannot be approved: it is a provider's")
            if exchange.endpoint is None or exchange.endpoint.answer is not None:
                raise Refusal(403, f"{asked.method} {asked.path} is not an endpoint of {asked.host}")
        if verdict.decision is Decision.ESCALATE:
            exchange.body_limit = MAX_HELD_BODY
            exchange.reserved = MAX_HELD_BODY if asked.content_length is None else asked.content_length
            if exchange.reserved > MAX_HELD_BODY:
                raise Refusal(413, f"a person would have to read it, and {exchange.reserved:,} bytes are too many")
            if self._recorder.reserved(held=True) + exchange.reserved > MAX_HELD:
                raise Refusal(429, "too much waits for a person already", retry=True)
        exchange.decision = verdict.decision
        self._recorder.publish(exchange)

    def request(self, flow: HTTPFlow) -> None:
        """Second line: a request that is not streamed comes by here before it is sent."""
        flow.request.trailers = None
        if not Exchange.of(flow).admitted and flow.response is None:
            raise Refusal(403, "it was not admitted")
