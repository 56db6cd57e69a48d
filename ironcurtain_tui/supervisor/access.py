"""What providers a session may use, and with which keys: the stand-in for the container, the real one for the proxy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ironcurtain_tui.agents.base import AgentAdapter
from ironcurtain_tui.config import Config, ProviderSettings
from ironcurtain_tui.credentials import logins, sentinel, sources
from ironcurtain_tui.credentials.credential import Credential, CredentialListener, FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.stored_key import StoredKey
from ironcurtain_tui.credentials.token_endpoint import Transport
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.decide import HostRules
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.base import ModelEndpoint, Provider
from ironcurtain_tui.providers.body import ServerTools
from ironcurtain_tui.providers.gateway import through
from ironcurtain_tui.supervisor.way_out import WayOut


@dataclass(frozen=True)
class Access:
    """One provider of the session."""

    provider: Provider
    sentinel: str
    key: Credential
    """The real one; in a rehearsal what the scripted model takes for one."""
    settings: ProviderSettings
    by_login: bool = False
    """Whether it is a log-in rather than a key."""

    @property
    def server_tools(self) -> ServerTools:
        """What becomes of tools that the provider runs itself."""
        return ServerTools(self.settings.server_tools)

    def ca_pem(self) -> bytes:
        """The only authority that may vouch for its gateway; empty: the public ones. UserFacingError: unreadable."""
        if not self.settings.ca:
            return b""
        try:
            return Path(self.settings.ca).expanduser().read_bytes()
        except OSError as error:
            raise UserFacingError(
                f"Cannot read {self.settings.ca}: {error.strerror}.", "Correct config.toml."
            ) from None


@dataclass(frozen=True)
class Accesses:
    """All providers of one session. In a rehearsal there is one, and behind it the scripted model."""

    all: tuple[Access, ...]
    rehearsal: bool

    @classmethod
    def find(cls, adapter: AgentAdapter, config: Config, *, rehearsal: bool, way_out: WayOut | None = None) -> Accesses:
        """Every provider the agent can use for which there is a key; a rehearsal when there is none, or when asked.

        Blocks. UserFacingError when a source of a key is named but gives none. ``way_out``: to who renews log-ins.
        """
        transport = (way_out or WayOut(config.network)).transport
        names = adapter.providers or tuple(PROVIDERS)
        if not rehearsal:
            usable = in_place(config, names)
            may_log_in = adapter.by_login
            found = [
                _open(each, _settings(config, each), transport if each.known_as in may_log_in else None)
                for each in usable
            ]
            if opened := tuple(each for each in found if each is not None):
                return cls(opened, rehearsal=False)
        model = replace(PROVIDERS[names[0]], prices="")  # nobody pays for what is scripted
        key = FixedKey(Secret(sentinel.mint("rehearsal-")))
        return cls((_access(model, key, _settings(config, model)),), rehearsal=True)

    def __iter__(self) -> Iterator[Access]:
        return iter(self.all)

    @property
    def sentinels(self) -> dict[str, str]:
        """By the name under which agents know the provider."""
        return {each.provider.known_as: each.sentinel for each in self.all}

    @property
    def base_urls(self) -> dict[str, str]:
        """Where agents find the API of a provider whose place a gateway takes."""
        return {each.provider.known_as: each.provider.base_url for each in self.all if each.provider.stands_for}

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the agent may reach without asking."""
        return tuple(host.name for each in self.all for host in each.provider.hosts if host.credentials)

    @property
    def secrets(self) -> list[str]:
        """Real keys and stand-ins: what no record may hold."""
        return [word for each in self.all for word in (*each.key.secrets, each.sentinel)]

    @property
    def logins(self) -> frozenset[str]:
        """Names of the providers that a log-in opens."""
        return frozenset(each.provider.known_as for each in self.all if each.by_login)

    def listen(self, listener: CredentialListener) -> None:
        """Tell ``listener`` of every change of a key."""
        for each in self.all:
            each.key.listen(listener)

    async def close(self) -> None:
        """Wait for what is under way with a key."""
        for each in self.all:
            await each.key.close()

    def is_model_call(self, host: str, method: str, path: str) -> bool:
        """Whether a model answers such a request, and somebody pays for it."""
        hosts = (each for access in self.all for each in access.provider.hosts if each.name == host)
        endpoints = (each.endpoint(method, path) for each in hosts)
        return any(isinstance(each, ModelEndpoint) and each.speaks.counter is not None for each in endpoints)

    def rules(self) -> tuple[HostRules, ...]:
        """What these providers may be asked, for the policy."""
        return tuple(rule for each in self.all for rule in each.provider.rules())


def in_place(config: Config, names: Iterable[str]) -> list[Provider]:
    """The providers of these names, or the gateway that takes the place of one. UserFacingError for a wrong setting."""
    gateways: dict[str, Provider] = {}
    for name, settings in config.providers.items():
        known = PROVIDERS.get(settings.kind or name)
        if known is None:
            raise UserFacingError(
                f"providers.{name} in config.toml is no provider, and has no kind.",
                f"Providers are {', '.join(PROVIDERS)}; a gateway needs kind and base_url.",
            )
        if not settings.base_url:
            continue
        if known.name in gateways:
            raise UserFacingError(
                f"providers.{name} and providers.{gateways[known.name].name} in config.toml both take {known.title}'s"
                " place.",
                "Keep one of them.",
            )
        try:
            gateways[known.name] = through(known, settings.base_url, name)
        except ValueError as error:
            raise UserFacingError(f"base_url of providers.{name} in config.toml {error}.", "Correct it.") from None
    return [gateways.get(name) or PROVIDERS[name] for name in names]


def _settings(config: Config, provider: Provider) -> ProviderSettings:
    return config.providers.get(provider.name, ProviderSettings())


def _open(provider: Provider, settings: ProviderSettings, transport: Transport | None) -> Access | None:
    """The way into ``provider``, None when there is neither key nor a log-in that this agent may use.

    ``transport``: to who renews a log-in; None for an agent that may use none.
    """
    ways = [partial(_by_key, provider, settings)]
    if transport is not None:
        ways.insert(0 if settings.login == "first" else 1, partial(_by_login, provider, settings, transport))
    return next((access for way in ways if (access := way()) is not None), None)


def _by_key(provider: Provider, settings: ProviderSettings) -> Access | None:
    source = sources.find(provider, settings)
    if source is None:
        return None
    return _access(provider, StoredKey(source, source.read(), provider=provider.title), settings)


def _by_login(provider: Provider, settings: ProviderSettings, transport: Transport) -> Access | None:
    if settings.login == "off" or provider.stands_for:
        return None
    login = logins.find(provider, transport=transport)
    return None if login is None else _access(provider.login or provider, login, settings, by_login=True)


def _access(provider: Provider, key: Credential, settings: ProviderSettings, *, by_login: bool = False) -> Access:
    return Access(provider, sentinel.mint(provider.key_prefix), key, settings, by_login)
