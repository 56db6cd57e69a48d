"""Puts a registry's password into what was admitted and is about to leave for that registry."""

from __future__ import annotations

from mitmproxy.http import Headers, HTTPFlow

from ironcurtain_tui.proxy.addons.package_requests import inquiry_of
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.registries import Registries

AUTHORIZATION = b"Authorization"


class RegistryPassword:
    """Must stand behind the seal: nobody sees the password on a card, and it is no part of what a person approves.

    All other headers of the request are ours already (``PackageRequests``), so there is no other Authorization.
    """

    def __init__(self, registries: Registries) -> None:
        self._registries = registries

    def requestheaders(self, flow: HTTPFlow) -> None:
        self._put_in(flow)

    def request(self, flow: HTTPFlow) -> None:
        """What was held for a person comes by here only."""
        self._put_in(flow)

    def _put_in(self, flow: HTTPFlow) -> None:
        inquiry = inquiry_of(flow)
        login = None if inquiry is None else self._registries.login(inquiry)
        request = flow.request.data
        if login is None or not Exchange.of(flow).admitted or "authorization" in request.headers:
            return
        request.headers = Headers([*request.headers.fields, (AUTHORIZATION, login.authorization.reveal().encode())])
