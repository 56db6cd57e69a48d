"""Before a tunnel is decided on: does it lead to a package registry?"""

from __future__ import annotations

import msgspec
from mitmproxy.http import HTTPFlow

from ironcurtain_tui.policy.action import Tunnel
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.registries import Registries


class RegistryTunnels:
    """Tells the policy so. A tunnel is all that it opens: each request in it is understood, or goes the usual way."""

    def __init__(self, registries: Registries) -> None:
        self._registries = registries

    def http_connect(self, flow: HTTPFlow) -> None:
        exchange = Exchange.of(flow)
        asked = exchange.action
        if isinstance(asked, Tunnel):
            exchange.action = msgspec.structs.replace(asked, registry=self._registries.kind_at(asked.host.lower()))
