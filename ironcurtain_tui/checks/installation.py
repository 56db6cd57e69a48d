"""Checks of what the person set up: settings, policy, authority, keys, tool servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

if TYPE_CHECKING:
    from ironcurtain_tui.agents import AgentAdapter


def settings() -> Iterator[Finding]:
    """Whether config.toml can be read."""
    config.load()
    path = paths.home() / "config.toml"
    yield Finding("config", BadgeState.OK, str(path) if path.exists() else f"defaults ({path} does not exist)")


def policy() -> Iterator[Finding]:
    """Whether the person's rules and annotations can be read."""
    from ironcurtain_tui.policy.load import USER_ANNOTATIONS, USER_FILE, load_policy
    from ironcurtain_tui.providers import PROVIDERS

    home = paths.home()
    rules = [rule for provider in PROVIDERS.values() for rule in provider.rules()]
    load_policy({"user": home / USER_FILE}, rules, home, home)
    own = home / USER_FILE
    tables = sorted(path.stem for path in (home / USER_ANNOTATIONS).glob("*.toml"))
    text = f"{own} is valid" if own.exists() else f"the rules that come along ({own} does not exist)"
    yield Finding("policy", BadgeState.OK, text + (f"; annotations of {', '.join(tables)}" if tables else ""))


def authority() -> Iterator[Finding]:
    """Whether the proxy has its certificate authority."""
    from ironcurtain_tui.proxy.authority import CertificateAuthority

    CertificateAuthority.load_or_create(paths.home() / "ca")
    yield Finding("ca", BadgeState.OK, f"{paths.home() / 'ca'}")


def credentials() -> Iterator[Finding]:
    """Where each provider's key or log-in lies, the configured agent's first, and whether that agent has one."""
    from ironcurtain_tui.agents import agent
    from ironcurtain_tui.credentials import logins, sources
    from ironcurtain_tui.providers import PROVIDERS
    from ironcurtain_tui.supervisor.access import in_place

    settings = config.load()
    chosen = agent(settings.session.agent, settings.agents)
    for provider in in_place(settings, dict.fromkeys((*chosen.providers, *PROVIDERS))):
        own = settings.providers.get(provider.name, config.ProviderSettings())
        try:
            if (source := sources.find(provider, own)) is not None:
                source.read()
                yield Finding("credentials", BadgeState.OK, f"{provider.title}: a key from {source.origin}")
            login = None if own.login == "off" or provider.stands_for else logins.find(provider)
            if login is not None:
                yield Finding("credentials", BadgeState.OK, f"{provider.title}: a log-in from {login.origin}")
        except UserFacingError as error:
            yield Finding("credentials", BadgeState.FAIL, f"{provider.title}: {error.message}", error.remedy)
    try:
        if (enough := session_credentials(chosen.name)).state is not BadgeState.OK:
            yield enough
    except UserFacingError:
        return  # told above


def session_credentials(name: str) -> Finding:
    """What keys a session of the agent ``name`` finds. UserFacingError when a place is named that gives none."""
    from ironcurtain_tui.agents import agent
    from ironcurtain_tui.supervisor.access import Accesses

    adapter = agent(name, config.load().agents)
    accesses = Accesses.find(adapter, config.load(), rehearsal=False)
    if accesses.rehearsal:
        return no_key(adapter)
    titles = ", ".join(each.provider.title for each in accesses)
    return Finding("credentials", BadgeState.OK, f"keys found: {titles} (they stay on this machine)")


def no_key(adapter: AgentAdapter) -> Finding:
    """That there is none for ``adapter``, and where one would be found."""
    from ironcurtain_tui.providers import PROVIDERS

    wanted = [PROVIDERS[name] for name in adapter.providers or PROVIDERS]
    titles = " or ".join(provider.title for provider in wanted)
    variables = " or ".join(provider.key_variable for provider in wanted if provider.key_variable)
    return Finding(
        "credentials",
        BadgeState.WARN,
        f"no key for {titles}: {adapter.title} rehearses with a scripted model",
        f"Set {variables}, or api_key_command under [providers.{wanted[0].name}].",
    )


def tool_servers() -> Iterator[Finding]:
    """Every tool server of the settings, started and asked for its tools as a session does it."""
    from ironcurtain_tui.checks import tool_servers

    yield from tool_servers.started()
