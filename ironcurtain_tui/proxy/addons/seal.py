"""Last look before a request leaves: it must be, to the byte, what a person approved."""

from __future__ import annotations

from mitmproxy.http import HTTPFlow

from ironcurtain_tui.escalations import digest
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.reading import read_held
from ironcurtain_tui.proxy.refusal import Refusal


class Seal:
    """Compares the digest of what is about to be sent with the one on the card. Must stand behind all others."""

    def request(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        approved = exchange.approved_digest
        if approved and digest.of_request(read_held(flow, exchange)) != approved:
            raise Refusal(403, "it is no longer what was approved")
