"""Checks of the package registries, where sessions may use them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ironcurtain_tui import config
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.events import BadgeState

if TYPE_CHECKING:
    import httpx

    from ironcurtain_tui.packages.package import Registry
    from ironcurtain_tui.supervisor.package_registries import PackageRegistries

SECONDS = 10.0
"""How long a registry may take to answer."""


def package_registries() -> Iterator[Finding]:
    """Every registry: where it was found, whether it can be reached, and where its password comes from."""
    from ironcurtain_tui.supervisor.package_registries import PackageRegistries

    settings = config.load()
    if not settings.packages.enabled:
        text = "off: the agent's installers ask for each request like for any other host"
        yield Finding("packages", BadgeState.OK, text, "Set enabled = true under [packages] of config.toml.")
        return
    found = PackageRegistries.find(settings.packages)
    if not found.all:
        remedy = "Name them under [packages] of config.toml."
        yield Finding("packages", BadgeState.WARN, "no client on this machine names a registry", remedy)
    yield from asyncio.run(_all_tried(found, settings))
    for each in found.unserved:
        why, _, remedy = each.sentence.partition("; ")
        yield Finding("packages", BadgeState.WARN, why, f"{remedy[:1].upper()}{remedy[1:]}.")


async def _all_tried(found: PackageRegistries, settings: config.Config) -> list[Finding]:
    return list(await asyncio.gather(*(_tried(each, found, settings) for each in found.all)))


async def _tried(registry: Registry, found: PackageRegistries, settings: config.Config) -> Finding:
    login = found.logins.get(registry)
    known = f"{registry.kind} {registry.url} (from {found.origins[registry]}"
    known += f", password from {login.origin})" if login else ", without a password)"
    status = await _status(registry, found, settings)
    if isinstance(status, str):
        remedy = "Correct the setting, or `upstream_proxy` and `upstream_ca` under [network] of config.toml."
        return Finding("packages", BadgeState.FAIL, f"{known} cannot be reached: {status}", remedy)
    if status in (401, 403):
        asked = "does not accept that password" if login else "wants a password"
        remedy = f"Log in with {_CLIENTS[registry.kind]} on this machine; the password stays here."
        return Finding("packages", BadgeState.FAIL, f"{known} {asked}", remedy)
    if status >= 500:
        return Finding("packages", BadgeState.WARN, f"{known} answers with status {status}", "Try again later.")
    return Finding("packages", BadgeState.OK, f"{known} answers")


_CLIENTS = {"npm": "npm", "pypi": "pip", "cargo": "cargo", "debian": "apt"}


async def _status(registry: Registry, found: PackageRegistries, settings: config.Config) -> int | str:
    """What it answers to who may read it, or why it does not answer."""
    import httpx

    login = found.logins.get(registry)
    path = registry.prefix + {"cargo": "config.json", "npm": "-/whoami" if login else ""}.get(registry.kind, "")
    headers = {"Host": registry.place, "User-Agent": "ironcurtain-tui"}
    if login is not None and login.covers(registry.place, path):
        headers["Authorization"] = login.authorization.reveal()
    try:
        address, transport = await asyncio.to_thread(_way_to, registry, settings)
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(transport=transport, timeout=SECONDS) as client,
            client.stream(
                "GET", f"https://{address}{path}", headers=headers, extensions={"sni_hostname": registry.host}
            ) as response,
        ):
            return response.status_code
    except (httpx.HTTPError, OSError) as error:
        unverified = "CERTIFICATE_VERIFY_FAILED" in str(error)
        return "its certificate cannot be verified" if unverified else type(error).__name__


def _way_to(registry: Registry, settings: config.Config) -> tuple[str, httpx.AsyncBaseTransport]:
    """As the proxy goes: to the address that [web.hosts] names, or by the way out of this network."""
    import httpx

    from ironcurtain_tui.supervisor.way_out import WayOut

    own = settings.web.hosts.get(registry.host)
    if own is None:
        return registry.place, WayOut(settings.network).transport()
    context = ssl.create_default_context(cafile=str(Path(own.ca).expanduser()))
    return own.upstream, httpx.AsyncHTTPTransport(verify=context)
