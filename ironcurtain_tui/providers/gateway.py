"""A server of somebody's own that speaks a provider's API: the same tables under another base URL."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import msgspec

from ironcurtain_tui.policy.endpoint import Endpoint, is_canonical_path, is_host_name
from ironcurtain_tui.providers.base import Provider, ProviderHost

_URL = re.compile(r"https://([^/:@?#\s]+)(?::([0-9]{1,5}))?((?:/[^?#\s]*)?)")


@dataclass(frozen=True)
class BaseUrl:
    """Where an API begins."""

    host: str
    """Lower case."""
    port: int
    path: str
    """Without a slash at its end; empty for the root."""

    @classmethod
    def read(cls, url: str) -> BaseUrl:
        """ValueError when it is none that we could keep a key to."""
        match = _URL.fullmatch(url)
        if match is None:
            raise ValueError("must be like 'https://llm.example.org/v1', without user, query or fragment")
        host, port, path = match[1].lower(), int(match[2] or 443), match[3].rstrip("/")
        if not is_host_name(host):
            raise ValueError("must name a host by its full DNS name")
        if not 0 < port < 65536:
            raise ValueError("must name a port from 1 to 65535")
        if path and not is_canonical_path(path):
            raise ValueError("must have a path of plain names")
        return cls(host, port, path)

    def __str__(self) -> str:
        return f"https://{self.host}{'' if self.port == 443 else f':{self.port}'}{self.path}"


def through(provider: Provider, url: str, name: str) -> Provider:
    """``provider`` as ``name`` stands in for it at ``url``; ValueError for a URL that cannot be used.

    What its clients would still ask of the provider's own hosts is answered on this machine. No log-in opens it.
    """
    base, own = BaseUrl.read(url), BaseUrl.read(provider.base_url)
    api, *besides = provider.hosts
    if any(base.host == host.name for host in provider.hosts):
        raise ValueError(f"is {provider.title}'s own")
    there = replace(
        api, name=base.host, port=base.port, endpoints=tuple(_moved(each, own, base) for each in api.endpoints)
    )
    return replace(
        provider,
        name=name,
        title=provider.title if name == provider.name else name,
        hosts=(there, ProviderHost(name=api.name, otherwise=404), *besides),
        key_variable=provider.key_variable if name == provider.name else _variable(name),
        base_url=str(base),
        stands_for=provider.name,
        login=None,
    )


def _moved(endpoint: Endpoint, own: BaseUrl, base: BaseUrl) -> Endpoint:
    """Below the path of the base URL; what lies above it at the provider itself stays where it is."""
    inside = endpoint.path.removeprefix(own.path)
    return msgspec.structs.replace(endpoint, path=base.path + inside)


def _variable(name: str) -> str:
    return re.sub(r"[^A-Z0-9]", "_", name.upper()) + "_API_KEY"
