"""What stands behind which host: a provider and its key, or just the host."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from ironcurtain_tui.credentials.credential import Credential
from ironcurtain_tui.providers.base import Provider, ProviderHost
from ironcurtain_tui.providers.body import ServerTools


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
    key: Credential
    upstream: Upstream | None = None
    """None for the provider's own servers."""
    server_tools: ServerTools = ServerTools.STRIP
    """What becomes of tools that the provider runs itself, and of the like."""
    ca_pem: bytes = b""
    """PEM of the only authority that may vouch for the provider's own servers; empty: any public one."""
    network: str = ""
    """In CIDR notation, the private network where the provider may lie; empty: it must have a public address."""


@dataclass(frozen=True)
class Destination:
    """Where a host leads. This kind belongs to no provider: no credential ever goes there."""

    name: str
    """Lower case."""
    upstream: Upstream | None = None

    @property
    def provider(self) -> Provider | None:
        """Whose host it is."""
        return None

    @property
    def ca_pem(self) -> bytes:
        """PEM of the only authority that may vouch for it; empty: the usual ones."""
        return self.upstream.ca_pem if self.upstream is not None else b""


@dataclass(frozen=True)
class ProviderDestination(Destination):
    """A host of a provider, with the way to its key. Build it with ``of``."""

    host: ProviderHost = field(kw_only=True)
    route: Route = field(kw_only=True)

    @classmethod
    def of(cls, host: ProviderHost, route: Route) -> ProviderDestination:
        return cls(host.name, route.upstream, host=host, route=route)

    @property
    def provider(self) -> Provider:
        return self.route.provider

    @property
    def ca_pem(self) -> bytes:
        return super().ca_pem or self.route.ca_pem

    def may_lie_at(self, address: str) -> bool:
        """Whether the provider's network, when it has one of its own, holds this private ``address``."""
        return bool(self.route.network) and ip_address(address) in ip_network(self.route.network)


class Routes:
    """Every host of a provider, and what is known of others: servers of our own in their place."""

    def __init__(self, routes: Iterable[Route], upstreams: Mapping[str, Upstream] | None = None) -> None:
        self._all = tuple(routes)
        self._upstreams = dict(upstreams or {})
        self._by_host = {
            host.name: ProviderDestination.of(host, route) for route in self._all for host in route.provider.hosts
        }

        self._secrets: list[tuple[str, ...]] = []
        self._stand_ins: tuple[tuple[bytes, bytes], ...] = ()
        self._keys: tuple[bytes, ...] = ()

    def __iter__(self) -> Iterator[Route]:
        return iter(self._all)

    def redact(self, text: bytes) -> bytes:
        """``text`` with the sentinel in place of any real key, for what is shown or recorded."""
        self._look()
        for secret, sentinel in self._stand_ins:
            text = text.replace(secret, sentinel)
        return text

    def of(self, host: str) -> Destination:
        """Where ``host`` (lower case) leads."""
        return self._by_host.get(host) or Destination(host, self._upstreams.get(host))

    @property
    def keys(self) -> tuple[bytes, ...]:
        """Every sentinel and, as of now, every real key: words that must not stand where they have no business."""
        self._look()
        return self._keys

    def _look(self) -> None:
        """Whether a key has changed. They are asked for several times a request, and hardly ever change."""
        secrets = [route.key.secrets for route in self._all]
        if secrets == self._secrets:
            return
        self._secrets = secrets
        self._stand_ins = tuple(
            (secret.encode(), route.sentinel.encode()) for route in self._all for secret in route.key.secrets
        )
        self._keys = tuple(word.encode() for route in self._all for word in (route.sentinel, *route.key.secrets))
