"""Checks of what the person set up: settings, policy, authority, keys, tool servers."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

if TYPE_CHECKING:
    from ironcurtain_tui.supervisor.way_out import WayOut

OUR_OWN = "[ironcurtain]"
"""In a tool server's log, what we wrote into it."""
TOOL_SERVER_SECONDS = 20.0
"""How long a tool server may take to start and list its tools."""


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
    from ironcurtain_tui.providers import PROVIDERS
    from ironcurtain_tui.supervisor.access import Accesses

    adapter = agent(name, config.load().agents)
    accesses = Accesses.find(adapter, config.load(), rehearsal=False)
    if accesses.rehearsal:
        wanted = [PROVIDERS[name] for name in adapter.providers or PROVIDERS]
        titles = " or ".join(provider.title for provider in wanted)
        variables = " or ".join(provider.key_variable for provider in wanted if provider.key_variable)
        return Finding(
            "credentials",
            BadgeState.WARN,
            f"no key for {titles}: sessions of {adapter.title} are rehearsals with a scripted model",
            f"Set {variables}, or api_key_command under [providers.{wanted[0].name}].",
        )
    titles = ", ".join(each.provider.title for each in accesses)
    return Finding("credentials", BadgeState.OK, f"keys found: {titles} (they stay on this machine)")


def tool_servers() -> Iterator[Finding]:
    """Every tool server of the settings, started and asked for its tools as a session does it."""
    from ironcurtain_tui.gateway.defaults import servers
    from ironcurtain_tui.supervisor.way_out import WayOut

    loaded = config.load()
    every, way_out = servers(loaded.mcp), WayOut(loaded.network)
    with tempfile.TemporaryDirectory(prefix="ironcurtain-doctor-") as directory:
        yield from asyncio.run(_all_started(every, Path(directory), way_out))


async def _all_started(
    every: Mapping[str, config.McpServerSettings], directory: Path, way_out: WayOut
) -> list[Finding]:
    return list(await asyncio.gather(*(_started(name, one, directory, way_out) for name, one in every.items())))


async def _started(name: str, one: config.McpServerSettings, directory: Path, way_out: WayOut) -> Finding:
    from ironcurtain_tui.gateway.upstream import ServerState, Upstream

    settled: asyncio.Queue[tuple[ServerState, str]] = asyncio.Queue()
    log = directory / f"{name}.log"
    server = Upstream(
        name,
        one,
        directory,
        log,
        lambda _, state, reason: settled.put_nowait((state, reason)),
        transport=way_out.transport,
    )
    server.start()
    try:
        async with asyncio.timeout(TOOL_SERVER_SECONDS):
            state, reason = await settled.get()
            if state is ServerState.UP:
                count = len(await server.tools())
                return Finding("mcp", BadgeState.OK, f"{name}: {count} tools")
    except TimeoutError:
        reason = f"it did not answer within {TOOL_SERVER_SECONDS:.0f} s"
    except UserFacingError as error:
        reason = error.message
    finally:
        await server.stop()
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    said = [line for line in lines if line.strip() and OUR_OWN not in line][-1:]
    words = "".join(character if character.isprintable() else " " for character in f"{reason} {' '.join(said)}")
    remedy = f"Correct [mcp.servers.{name}] in config.toml; try its command by hand."
    return Finding("mcp", BadgeState.FAIL, f"{name} does not start: {words.strip()}", remedy)
