"""The passwords that the clients on this machine have for their registries. They stay on this side.

Sources: npmrc(5) (settings that begin with ``//``); pip's "Authentication" (URL, then netrc); Cargo's "Registry
Authentication" (credentials.toml, CARGO_REGISTRIES_<NAME>_TOKEN).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, urlsplit

from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.packages import host_settings
from ironcurtain_tui.packages.package import Registry
from ironcurtain_tui.proxy.registry_login import RegistryLogin

SHORTEST = 8
"""Characters from which a password is looked for in what a registry sends: a shorter one stands there by chance."""

Files = Iterable[tuple[str, str]]
"""Where each lies, for a person, and its text; the strongest first."""


def of_npm(registry: Registry, files: Files, environment: Mapping[str, str]) -> RegistryLogin | None:
    """What npm would send to ``registry``: the setting for the longest beginning of its URL."""
    known = [(origin, host_settings.npm_logins(text, environment)) for origin, text in files]
    prefix = registry.prefix
    while prefix:
        for origin, logins in known:
            said = logins.get(f"{registry.place}{prefix}", {})
            login = _of_npm(registry, prefix, said, origin)
            if login is not None:
                return login
        prefix = prefix.rstrip("/").rpartition("/")[0] + "/" if prefix != "/" else ""
    return None


def _of_npm(registry: Registry, prefix: str, said: Mapping[str, str], origin: str) -> RegistryLogin | None:
    if token := said.get("_authToken"):
        return _login(registry, prefix, f"Bearer {token}", origin, (token,))
    if encoded := said.get("_auth"):
        return _login(registry, prefix, f"Basic {encoded}", origin, (encoded, *_decoded(encoded).split(":", 1)[1:]))
    name, password = said.get("username", ""), _decoded(said.get("_password", ""))
    return _basic(registry, prefix, name, password, origin) if name and password else None


def of_pip(registry: Registry, url: str, netrc_files: Files) -> RegistryLogin | None:
    """What stands in the index's URL, else in netrc. pip shows it to all that is on the index's host and port."""
    parts = urlsplit(url)
    if parts.username:
        name, password = unquote(parts.username), unquote(parts.password or "")
        return _basic(registry, "/", name, password, "the index's URL")
    for origin, text in netrc_files:
        if found := host_settings.netrc(text).get(registry.host):
            return _basic(registry, "/", *found, origin)
    return None


def of_cargo(
    registry: Registry, settings: Iterable[str], credentials: Files, environment: Mapping[str, str]
) -> RegistryLogin | None:
    """The token of the registry that has this index. Cargo sends it as it is."""
    names = [name for text in settings for name, url in host_settings.cargo_names(text) if _same(registry, url)]
    files = list(credentials)
    for name in names:
        variable = f"CARGO_REGISTRIES_{name.upper().replace('-', '_')}_TOKEN"
        if token := environment.get(variable):
            return _login(registry, "/", token, variable, (token,))
        for origin, text in files:
            if token := host_settings.cargo_token(text, name):
                return _login(registry, "/", token, origin, (token,))
    return None


def _same(registry: Registry, url: str) -> bool:
    try:
        return Registry.parse(registry.kind, url) == registry
    except ValueError:
        return False


def _basic(registry: Registry, prefix: str, name: str, password: str, origin: str) -> RegistryLogin | None:
    encoded = base64.b64encode(f"{name}:{password}".encode()).decode()
    return _login(registry, prefix, f"Basic {encoded}", origin, (encoded, password or name))


def _login(registry: Registry, prefix: str, value: str, origin: str, secrets: tuple[str, ...]) -> RegistryLogin | None:
    if not value.isascii() or not value.isprintable():
        return None  # no header can hold it
    long_enough = tuple(dict.fromkeys(each for each in secrets if len(each) >= SHORTEST))
    return RegistryLogin(registry.place, prefix, Secret(value), origin, long_enough or (value,))


def _decoded(encoded: str) -> str:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
