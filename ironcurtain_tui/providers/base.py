"""The shape of a provider."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ironcurtain_tui.events import Usage
from ironcurtain_tui.policy.decide import HostRules
from ironcurtain_tui.policy.endpoint import Endpoint


class UsageTap(Protocol):
    """Reads a response as it passes by, without holding it up, and counts."""

    @property
    def usage(self) -> Usage | None:
        """What has been counted so far; None when nothing was told yet."""

    def feed(self, data: bytes) -> None:
        """See the next bytes of the body, cut anywhere."""

    def end(self) -> None:
        """The body is over."""


@dataclass(frozen=True)
class CredentialPlace:
    """The one header that carries the key, and what stands before it there."""

    header: str
    """Lower case."""
    scheme: str = ""

    def value(self, key: str) -> bytes:
        """The header's value for ``key``."""
        return f"{self.scheme}{key}".encode()


@dataclass(frozen=True)
class ProviderHost:
    """One host of a provider: where its key sits and what may be asked of it."""

    name: str
    """Lower case DNS name."""
    credential: CredentialPlace
    endpoints: tuple[Endpoint, ...]

    def endpoint(self, method: str, path: str) -> Endpoint | None:
        """The endpoint a request is for, None when it is for none."""
        return next((each for each in self.endpoints if each.matches(method, path)), None)


@dataclass(frozen=True)
class Provider:
    """One provider of models.

    ``key_prefix`` begins a sentinel, so that an agent that looks at the form of its key is content;
    ``key_variable`` is the environment variable the real key is kept in by habit.
    """

    name: str
    title: str
    hosts: tuple[ProviderHost, ...]
    key_prefix: str
    key_variable: str
    error_body: Callable[[int, str], bytes]
    """An error of this status and message in the provider's own form, so that its clients show it."""
    usage_tap: Callable[[str], UsageTap | None]
    """A tap for a response of this content type; None when it holds no count."""

    def rules(self) -> tuple[HostRules, ...]:
        """What a session that uses this provider may ask, for the policy."""
        return tuple(HostRules(name=self.name, host=host.name, endpoints=host.endpoints) for host in self.hosts)
