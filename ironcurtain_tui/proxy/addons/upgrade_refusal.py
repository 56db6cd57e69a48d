"""No protocol but HTTP: an upgrade would be a tunnel nobody reads."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.proxy.refusal import Refusal


class UpgradeRefusal:
    """Answers 426: Codex then falls back to plain requests at once, where a 403 costs it fifteen seconds."""

    def requestheaders(self, flow: HTTPFlow) -> None:
        headers = flow.request.headers
        if "upgrade" in headers or "http2-settings" in headers or flow.request.data.method == b"CONNECT":
            raise Refusal(426, "upgrades such as WebSocket are not let through; use plain HTTPS")

    def responseheaders(self, flow: HTTPFlow) -> None:
        if flow.response is not None and flow.response.status_code < 200:
            raise Refusal(502, "the server answered with an upgrade or an interim response")
