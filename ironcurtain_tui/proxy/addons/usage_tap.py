"""Counts tokens as they pass."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.providers.base import ModelEndpoint
from ironcurtain_tui.proxy.exchange import Exchange


class UsageTap:
    """Puts the tap of the endpoint's format on the responses that tell their usage."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if flow.response is None or not isinstance(exchange.endpoint, ModelEndpoint):
            return
        if exchange.admitted and flow.response.status_code == 200:
            exchange.tap = exchange.endpoint.speaks.usage_tap(flow.response.headers.get("content-type", ""))
