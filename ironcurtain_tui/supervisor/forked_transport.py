"""Requests that leave some through a proxy, some directly."""

from __future__ import annotations

import ipaddress

import httpx

from ironcurtain_tui.proxy.parent import Parents
from ironcurtain_tui.proxy.route import Destination


class ForkedTransport(httpx.AsyncBaseTransport):
    """Takes each request the way its host wants."""

    def __init__(self, parents: Parents, direct: httpx.AsyncBaseTransport, proxied: httpx.AsyncBaseTransport) -> None:
        self._parents = parents
        self._direct = direct
        self._proxied = proxied

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        host = request.url.host.lower()
        is_direct = _is_this_machine(host) or self._parents.of(Destination(host)) is None
        return await (self._direct if is_direct else self._proxied).handle_async_request(request)

    async def aclose(self) -> None:
        await self._direct.aclose()
        await self._proxied.aclose()


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
