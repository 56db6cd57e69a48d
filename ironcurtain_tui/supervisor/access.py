"""What providers a session may use, and with which keys: the stand-in for the container, the real one for the proxy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ironcurtain_tui.agents.base import AgentAdapter
from ironcurtain_tui.config import Config, ProviderSettings
from ironcurtain_tui.credentials import sentinel
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sources import resolve
from ironcurtain_tui.policy.decide import HostRules
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.base import Provider
from ironcurtain_tui.providers.body import ServerTools


@dataclass(frozen=True)
class Access:
    """One provider of the session."""

    provider: Provider
    sentinel: str
    key: Secret
    """The real key; in a rehearsal what the scripted model takes for one."""
    settings: ProviderSettings

    @property
    def server_tools(self) -> ServerTools:
        """What becomes of tools that the provider runs itself."""
        return ServerTools(self.settings.server_tools)


@dataclass(frozen=True)
class Accesses:
    """All providers of one session. In a rehearsal there is one, and behind it the scripted model."""

    all: tuple[Access, ...]
    rehearsal: bool

    @classmethod
    def find(cls, adapter: AgentAdapter, config: Config, *, rehearsal: bool) -> Accesses:
        """Every provider the agent can use for which there is a key; a rehearsal when there is none, or when asked.

        Blocks. UserFacingError when a source of a key is named but gives none.
        """
        usable = [PROVIDERS[name] for name in adapter.providers or PROVIDERS]
        if not rehearsal:
            found = [(each, resolve(each, _settings(config, each))) for each in usable]
            if opened := tuple(_access(config, each, key) for each, key in found if key is not None):
                return cls(opened, rehearsal=False)
        return cls((_access(config, usable[0], Secret(sentinel.mint("rehearsal-"))),), rehearsal=True)

    def __iter__(self) -> Iterator[Access]:
        return iter(self.all)

    @property
    def sentinels(self) -> dict[str, str]:
        """By the provider's name."""
        return {each.provider.name: each.sentinel for each in self.all}

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the agent may reach without asking."""
        return tuple(host.name for each in self.all for host in each.provider.hosts if host.credentials)

    @property
    def secrets(self) -> list[str]:
        """Real keys and stand-ins: what no record may hold."""
        return [word for each in self.all for word in (each.key.reveal(), each.sentinel)]

    def rules(self) -> tuple[HostRules, ...]:
        """What these providers may be asked, for the policy."""
        return tuple(rule for each in self.all for rule in each.provider.rules())


def _settings(config: Config, provider: Provider) -> ProviderSettings:
    return config.providers.get(provider.name, ProviderSettings())


def _access(config: Config, provider: Provider, key: Secret) -> Access:
    return Access(provider, sentinel.mint(provider.key_prefix), key, _settings(config, provider))
