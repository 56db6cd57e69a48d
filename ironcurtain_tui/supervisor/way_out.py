"""How what this machine asks by itself (log-ins, models, tool servers by HTTP) leaves its network."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ironcurtain_tui.config import NetworkSettings
from ironcurtain_tui.proxy.parent import ParentProxy, Parents
from ironcurtain_tui.supervisor.upstream_proxy import find_parents, read_authorities

if TYPE_CHECKING:
    import httpx  # takes long to load, and most sessions ask nothing by themselves


class WayOut:
    """The parent proxy and the authorities of the settings, looked up once, when they are first needed.

    Thread-safe. What is asked may block on a command, and raises UserFacingError as ``find_parents`` does.
    """

    def __init__(self, settings: NetworkSettings, environment: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environment = environment
        self._parents: Parents | None = None
        self._lock = threading.Lock()

    def parents(self) -> Parents:
        """Which connections go through a proxy, and which one."""
        with self._lock:
            if self._parents is None:
                self._parents = find_parents(self._settings, self._environment)
            return self._parents

    def authorities(self) -> bytes:
        """PEM of those to trust beside the public ones."""
        return read_authorities(self._settings)

    def transport(self) -> httpx.AsyncBaseTransport:
        """For one client of httpx: as the proxy that serves the agent goes, but to this machine itself directly."""
        import httpx

        from ironcurtain_tui.supervisor.forked_transport import ForkedTransport

        parents = self.parents()
        context = httpx.create_ssl_context()
        if authorities := self.authorities():
            context.load_verify_locations(cadata=authorities.decode("ascii"))
        direct = httpx.AsyncHTTPTransport(verify=context)
        if parents.parent is None:
            return direct
        proxy = httpx.Proxy(parents.parent.url, auth=_user(parents.parent))
        return ForkedTransport(parents, direct, httpx.AsyncHTTPTransport(verify=context, proxy=proxy))


def _user(parent: ParentProxy) -> tuple[str, str] | None:
    if parent.credentials is None:
        return None
    name, _, password = parent.credentials.reveal().partition(":")
    return name, password
