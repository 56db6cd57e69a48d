"""Which provider stands behind which host, and with which key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.providers.base import Provider, ProviderHost


@dataclass(frozen=True)
class Upstream:
    """A server of our own in the provider's place: the rehearsal's model, or a test's.

    May lie on a private address. Its certificate must name the provider's host and be signed by ``ca_pem``.
    """

    host: str
    """An IP address."""
    port: int
    ca_pem: bytes


@dataclass(frozen=True)
class Route:
    """A provider the session may use: the agent's sentinel on one side, the real key on the other."""

    provider: Provider
    sentinel: str
    key: Secret
    upstream: Upstream | None = None
    """None for the provider's own servers."""


@dataclass(frozen=True)
class Destination:
    """One host of a route."""

    host: ProviderHost
    route: Route


class Routes:
    """Every host that can be reached at all."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._all = tuple(routes)
        self._by_host = {host.name: Destination(host, route) for route in self._all for host in route.provider.hosts}

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def redact(self, text: bytes) -> bytes:
        """``text`` with the sentinel in place of any real key, for what is shown or recorded."""
        for route in self._all:
            text = text.replace(route.key.reveal().encode(), route.sentinel.encode())
        return text

    def of(self, host: str) -> Destination | None:
        """Where ``host`` (lower case) leads; None when it leads nowhere."""
        return self._by_host.get(host)
