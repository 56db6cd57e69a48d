"""Counts tokens as they pass."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.exchange import Exchange


class UsageTap:
    """Puts the provider's tap on the responses that tell their usage."""

    def responseheaders(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        if flow.response is None or exchange.provider is None or exchange.endpoint is None:
            return
        if exchange.admitted and exchange.endpoint.counts_usage and flow.response.status_code == 200:
            exchange.tap = exchange.provider.usage_tap(flow.response.headers.get("content-type", ""))
