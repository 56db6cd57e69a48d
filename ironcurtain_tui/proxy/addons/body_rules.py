"""What a model call asks of its provider: read as a whole before it is sent, and sent as it was read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.providers.base import ModelEndpoint, WireFormat
from ironcurtain_tui.providers.body import (
    MAX_BODY,
    BodyRefused,
    Findings,
    Malformed,
    Object,
    ServerTools,
    parse,
    serialise,
)
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import ProviderDestination
from ironcurtain_tui.proxy.tunnel import Tunnels

MAX_COLLECTED = 256 << 20
"""Bytes of the bodies of all model calls that are under way."""
IN_THREAD = 512 << 10
"""Bytes from which reading a body takes milliseconds, so that others had to wait for it."""
MOST_TOLD = 20
"""Changes to one body that are told one by one."""


class BodyRules:
    """Collects the body of a model call, takes out (or refuses) what would act out of sight, and sends the rest.

    Other requests to a provider have no body.
    """

    def __init__(self, tunnels: Tunnels, gate: Gate, recorder: FlowRecorder) -> None:
        self._tunnels = tunnels
        self._gate = gate
        self._recorder = recorder
        self._large = asyncio.Lock()
        """Large bodies are read one at a time: they take much memory while they are."""

    def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if exchange.provider is None or not isinstance(exchange.action, HttpRequest):
            return
        length = exchange.action.content_length
        if not isinstance(exchange.endpoint, ModelEndpoint):
            if length != 0:
                raise Refusal(400, "this endpoint takes no body")
            return
        if any(value.strip().lower() != "identity" for value in flow.request.headers.get_all("content-encoding")):
            raise Refusal(415, "the body is encoded, so it cannot be looked through; send it plain")
        content_types = flow.request.headers.get_all("content-type")
        if [each.partition(";")[0].strip().lower() for each in content_types] != ["application/json"]:
            raise Refusal(415, "the body must be application/json")
        exchange.body_limit = MAX_BODY
        exchange.reserved = MAX_BODY if length is None else length
        if exchange.reserved > MAX_BODY:
            raise Refusal(413, f"the body has {exchange.reserved:,} bytes, and may have {MAX_BODY:,} at most")
        if self._recorder.reserved(held=False) > MAX_COLLECTED:
            raise Refusal(429, "too many large requests are under way", retry=True)

    async def request(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        tunnel = self._tunnels.of(flow.client_conn)
        if not isinstance(exchange.endpoint, ModelEndpoint) or not isinstance(exchange.action, HttpRequest):
            return
        if tunnel is None or not isinstance(tunnel.destination, ProviderDestination):
            raise Refusal(403, "the tunnel is gone")
        if exchange.body_too_large:
            raise Refusal(413, f"the body may have {MAX_BODY:,} bytes at most")
        body = flow.request.data.content or b""
        exchange.bytes_up = exchange.reserved = len(body)
        treatment = tunnel.destination.route.server_tools
        try:
            reading = await self._in_time(len(body), _Reading.of, exchange.endpoint.speaks, body)
            if treatment is ServerTools.ASK and reading.findings.all:
                treatment = await self._ask(exchange.action, tunnel.destination.provider.title, reading.findings)
            altered = reading.findings.settle(treatment)
        except Malformed as error:
            raise Refusal(400, str(error)) from None
        except BodyRefused as error:
            raise Refusal(403, str(error)) from None
        if altered:
            body = await self._in_time(len(body), serialise, reading.document)
        exchange.altered = (
            *altered[:MOST_TOLD],
            *([f"{len(altered) - MOST_TOLD} more"] if altered[MOST_TOLD:] else []),
        )
        self._send(flow, body)
        self._recorder.progressed(exchange)

    async def _in_time[**P, T](self, size: int, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """``work`` on ``size`` bytes: right here when that is quick, else in a thread."""
        if size < IN_THREAD:
            return work(*arguments, **named)
        async with self._large:
            return await asyncio.to_thread(work, *arguments, **named)

    async def _ask(self, action: HttpRequest, provider: str, findings: Findings) -> ServerTools:
        """ALLOW when a person agrees to everything that was found."""
        for what in dict.fromkeys(finding.what for finding in findings.all):
            if not await self._gate.may_act_unseen(action, provider, what):
                return ServerTools.STRIP
        return ServerTools.ALLOW

    def _send(self, flow: HTTPFlow, body: bytes) -> None:
        """``body`` with one length, whatever way it came."""
        request = flow.request.data
        framing = (b"content-length", b"transfer-encoding", b"content-encoding")
        kept = [(name, value) for name, value in request.headers.fields if name.lower() not in framing]
        request.headers = Headers([*kept, (b"Content-Length", str(len(body)).encode())])
        request.content = body


@dataclass(frozen=True)
class _Reading:
    document: Object
    findings: Findings

    @classmethod
    def of(cls, speaks: WireFormat, body: bytes) -> _Reading:
        reading = cls(parse(body), Findings())
        speaks.look_through(reading.document, reading.findings)
        return reading
