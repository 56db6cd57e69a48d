"""Metadata of packages is fetched by the proxy and answered without the versions that may not be installed."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow, Response

from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.addons.package_requests import inquiry_of
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.gate import Gate
from ironcurtain_tui.proxy.registries import Registries


class PackageMetadata:
    """Answers, so that installers pick an allowed version by themselves. No validator of the registry's passes:
    a client must not find out from one that it missed a version, nor keep a document for longer than it holds.
    """

    def __init__(self, registries: Registries, gate: Gate, recorder: FlowRecorder) -> None:
        self._registries = registries
        self._gate = gate
        self._recorder = recorder

    async def requestheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        inquiry = inquiry_of(flow)
        if inquiry is None or not inquiry.answered_here or not exchange.admitted:
            return
        answer = await self._registries.answer(inquiry)
        if answer.hidden and isinstance(exchange.action, HttpRequest):
            await self._gate.held_back(exchange.action, answer.hidden)
            exchange.reason = f"held back: {answer.hidden[0]}"
            if len(answer.hidden) > 1:
                exchange.reason += f" (and {len(answer.hidden) - 1} more)"
        headers = {"content-type": answer.content_type, "cache-control": "no-cache", "vary": "Accept"}
        if answer.hidden:
            headers["npm-notice"] = f"IronCurtain: {answer.hidden[0]}"
        flow.response = Response.make(answer.status, answer.body, headers)
        self._recorder.answered(exchange, flow.response)
