"""Heads that could not be read at all have been answered by the protocol layer; here they are reported."""

from __future__ import annotations

from mitmproxy.connection import Client

from ironcurtain_tui.proxy.refusal import Refusal


class MalformedRequests:
    """Turns an unreadable head into a refusal like any other."""

    def malformed_request(self, client: Client) -> None:  # noqa: ARG002 (the name of the hook's argument)
        raise Refusal(400, "the head of the request cannot be read")
