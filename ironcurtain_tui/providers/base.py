"""The shape of a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ironcurtain_tui.policy.decide import HostRules
from ironcurtain_tui.policy.endpoint import Endpoint
from ironcurtain_tui.providers.body import Findings, Object
from ironcurtain_tui.providers.usage import Counter, UsageTap, tap


@dataclass(frozen=True)
class WireFormat:
    """How models are spoken with at an endpoint."""

    name: str
    counter: Callable[[], Counter] | None = None
    """Counts what one response tells; None when it tells nothing."""
    word: bytes = b'"usage"'
    """Stands in every streamed event that tells of usage."""
    look_through: Callable[[Object, Findings], None] = field(kw_only=True)
    """Finds in a request's body whatever would act out of sight. Raises BodyRefused for what this format is not."""

    def usage_tap(self, content_type: str) -> UsageTap | None:
        """A tap for a response of this content type; None when it holds no count."""
        return None if self.counter is None else tap(self.counter, self.word, content_type)


class ModelEndpoint(Endpoint, frozen=True, kw_only=True):
    """An endpoint behind which a model works."""

    speaks: WireFormat


@dataclass(frozen=True)
class CredentialPlace:
    """A header that carries the key, and what stands before it there."""

    header: str
    """Lower case."""
    scheme: str = ""

    def value(self, key: str) -> bytes:
        """The header's value for ``key``."""
        return f"{self.scheme}{key}".encode()


BEARER = CredentialPlace("authorization", "Bearer ")


@dataclass(frozen=True)
class ProviderHost:
    """One host of a provider: where its key sits and what may be asked of it."""

    name: str
    """Lower case DNS name."""
    credentials: tuple[CredentialPlace, ...] = ()
    """Where a key may stand, alone or in several of them at once. None: nothing is ever sent to this host."""
    endpoints: tuple[Endpoint, ...] = ()
    otherwise: int | None = None
    """Status to answer on this machine whatever is no endpoint; None when that is refused."""
    port: int = 443

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """The endpoint a request is for, None when it is for none."""
        return next((each for each in self.endpoints if each.matches(method, path)), None)


@dataclass(frozen=True)
class Provider:
    """One provider of models.

    ``key_prefix`` begins a sentinel, so that an agent that looks at the form of its key is content;
    ``key_variable`` is the environment variable the real key is kept in by habit, empty where only a log-in opens it.
    """

    name: str
    title: str
    hosts: tuple[ProviderHost, ...]
    """The first is the API; the others are what its clients try besides."""
    key_prefix: str
    key_variable: str
    error_body: Callable[[int, str], bytes]
    """An error of this status and message in the provider's own form, so that its clients show it."""
    base_url: str
    """What clients call the base URL of the API, as its own client libraries are given it."""
    account_header: str = ""
    """Lower case; names the account a token belongs to. Written by us, whatever the agent sends. Empty: none."""
    prices: str = ""
    """Its name in the price list of genai-prices; empty when there are no prices."""
    stands_for: str = ""
    """Name of the provider whose place it takes; empty for the provider itself."""
    login: Provider | None = None
    """The same provider when an OAuth log-in opens it instead of a key; None when none can."""

    @property
    def known_as(self) -> str:
        """The name by which agents know it."""
        return self.stands_for or self.name

    def rules(self) -> tuple[HostRules, ...]:
        """What a session that uses this provider may ask, for the policy."""
        return tuple(
            HostRules(
                name=self.name, host=host.name, endpoints=host.endpoints, port=host.port, otherwise=host.otherwise
            )
            for host in self.hosts
        )
