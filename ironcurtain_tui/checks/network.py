"""Checks of the way out of this network, where that is a proxy."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ironcurtain_tui import config
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.events import BadgeState

if TYPE_CHECKING:
    from ironcurtain_tui.supervisor.way_out import WayOut

SECONDS = 10.0
"""How long a server may take to answer."""
REMEDY = "Look at upstream_proxy, its password, and upstream_ca under [network] of config.toml."


def parent_proxy() -> Iterator[Finding]:
    """Whether what a session asks gets through the network's own proxy, and is verified behind it.

    Without such a proxy nothing is asked.
    """
    from ironcurtain_tui.supervisor.way_out import WayOut

    settings = config.load()
    way_out = WayOut(settings.network)
    parent, authorities = way_out.parents().parent, way_out.authorities()
    if parent is None:
        yield Finding(
            "network", BadgeState.OK, "connections leave directly: there is no proxy in the settings or variables"
        )
        return
    password = "with a password" if parent.credentials else "without a password"
    trust = "; upstream_ca is trusted, too" if authorities else ""
    text = f"connections leave through the proxy {parent.host}:{parent.port}, {password}{trust}"
    yield Finding("network", BadgeState.OK, text)
    yield from asyncio.run(_all_tried(_servers(settings), way_out))


def _servers(settings: config.Config) -> Mapping[str, str]:
    """What a session of the configured agent asks, by the origin of its URL."""
    from ironcurtain_tui.agents import agent
    from ironcurtain_tui.credentials import logins
    from ironcurtain_tui.credentials.login_credential import LoginCredential
    from ironcurtain_tui.models.model import base_url
    from ironcurtain_tui.providers import PROVIDERS
    from ironcurtain_tui.supervisor.access import in_place

    found: dict[str, str] = {}

    def add(url: str, what: str) -> None:
        parts = urlsplit(url)
        found.setdefault(f"{parts.scheme}://{parts.netloc}/", what)

    chosen = agent(settings.session.agent, settings.agents)
    for provider in in_place(settings, chosen.providers or PROVIDERS):
        own = settings.providers.get(provider.name, config.ProviderSettings())
        if not own.upstream:  # at an address of the person's own, which is reached directly
            add(f"https://{provider.hosts[0].name}", provider.title)
        may_log_in = provider.known_as in chosen.by_login and own.login != "off" and not provider.stands_for
        if may_log_in and isinstance(login := logins.find(provider), LoginCredential):
            add(login.renewed_at, f"who renews {login.origin}")
    if settings.model.name:
        add(base_url(settings.model), "the model of [model]")
    for name, server in settings.mcp.servers.items():
        if server.enabled and server.url:
            add(server.url, f"tool server {name}")
    return found


async def _all_tried(servers: Mapping[str, str], way_out: WayOut) -> list[Finding]:
    return list(await asyncio.gather(*(_tried(origin, what, way_out) for origin, what in servers.items())))


async def _tried(origin: str, what: str, way_out: WayOut) -> Finding:
    """Asked without any credential: whatever it answers, it was reached and verified."""
    import httpx

    host = urlsplit(origin).netloc.rpartition("@")[2]
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(transport=way_out.transport(), timeout=SECONDS) as client,
        ):
            await client.head(origin)
    except httpx.ProxyError as error:
        why = f"the proxy refused ({str(error)[:100]})"
    except (httpx.HTTPError, TimeoutError) as error:
        unverified = "CERTIFICATE_VERIFY_FAILED" in str(error)
        why = "its certificate cannot be verified" if unverified else type(error).__name__
    else:
        return Finding("network", BadgeState.OK, f"{host} answers ({what})")
    return Finding("network", BadgeState.FAIL, f"{host} ({what}) cannot be reached: {why}", REMEDY)
