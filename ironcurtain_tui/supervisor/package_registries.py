"""Which package registries a session may reach: those in config.toml, else those that the host's own clients use."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ironcurtain_tui.config import PackageSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.packages import client_settings
from ironcurtain_tui.packages.package import Kind, Registry, Unserved
from ironcurtain_tui.packages.rules import DAY, PackageRules
from ironcurtain_tui.proxy.registry_login import RegistryLogin
from ironcurtain_tui.supervisor.host_clients import HostClients, Named


@dataclass(frozen=True)
class PackageRegistries:
    """All of them, and the rules for what is in them. None at all, unless there are rules."""

    rules: PackageRules | None = None
    all: tuple[Registry, ...] = ()
    npm_scopes: Mapping[str, Registry] = field(default_factory=dict)
    """Registries that npm asks for packages of one scope only."""
    archives: tuple[str, ...] = ()
    """``URL suite component...`` of Debian archives, for apt."""
    origins: Mapping[Registry, str] = field(default_factory=dict)
    """Where each was found, for a person."""
    logins: Mapping[Registry, RegistryLogin] = field(default_factory=dict)
    """Passwords of those that have one. They never get into the container."""
    unserved: tuple[Unserved, ...] = ()
    """What the clients on this machine use beside those."""

    @classmethod
    def find(
        cls,
        settings: PackageSettings,
        *,
        environment: Mapping[str, str] = os.environ,
        root: Path = Path("/"),
    ) -> PackageRegistries:
        """Empty when the settings want none. Blocks: a client may have to be asked for its default.

        ``root``: where the host's file system begins. UserFacingError for a registry in the settings that is none.
        """
        if not settings.enabled:
            return cls()
        try:
            rules = PackageRules(
                deny=settings.deny,
                allow=settings.allow,
                min_age=settings.min_age_days * DAY,
                ask=settings.too_new == "ask",
            )
        except ValueError as error:
            raise UserFacingError(f"config.toml: packages: {error}.", "Correct that line.") from error
        host = HostClients(environment, root)
        npm = {} if settings.npm else host.npm()
        found = _given(Kind.NPM, settings.npm) if settings.npm else _used(Kind.NPM, npm.values())
        found += _given(Kind.PYPI, settings.pypi) if settings.pypi else _used(Kind.PYPI, host.pip())
        found += _given(Kind.CARGO, settings.cargo) if settings.cargo else _used(Kind.CARGO, host.cargo())
        debian = _given(Kind.DEBIAN, settings.debian) if settings.debian else _used(Kind.DEBIAN, host.debian())
        found += debian
        first: dict[Registry, _Found] = {}
        for each in found:
            if each.registry is not None:
                first.setdefault(each.registry, each)
        scopes = {
            scope: each.registry
            for scope, named in npm.items()
            for each in found
            if scope and each.named is named and each.registry is not None
        }
        lines = [(each.registry, each.named.url.partition(" ")[2]) for each in debian if each.registry is not None]
        logins = {registry: host.login(registry, each.named.url) for registry, each in first.items()}
        return cls(
            rules,
            tuple(first),
            scopes,
            tuple(f"{registry.url} {rest}" for registry, rest in lines if rest),
            origins={registry: each.named.origin for registry, each in first.items()},
            logins={registry: login for registry, login in logins.items() if login is not None},
            unserved=(
                *(each.unserved for each in found if each.unserved is not None),
                *(() if settings.cargo else map(_git_index, host.cargo_git())),
            ),
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """Of the registries themselves, with their ports where they have one of their own."""
        return tuple(dict.fromkeys(each.place for each in self.all))

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no record may hold."""
        return tuple(word for each in self.logins.values() for word in each.secrets)

    def client_files(self, ca_bundle: str) -> dict[str, bytes]:
        """Settings for the installers in the container, by their paths in the agent's home."""
        return client_settings.files(self.all, self.npm_scopes, self.archives, ca_bundle=ca_bundle)

    def apt_settings(self, home: str) -> str:
        """More lines for apt.conf."""
        return client_settings.apt_settings(home) if self.archives else ""


@dataclass(frozen=True)
class _Found:
    """What a named URL is: a registry that is served, one that is not, or nothing that concerns us."""

    named: Named
    registry: Registry | None = None
    unserved: Unserved | None = None


def _given(kind: Kind, urls: Iterable[str]) -> list[_Found]:
    """Of config.toml: UserFacingError for what is no registry."""
    found = []
    for url in urls:
        try:
            found.append(_Found(Named(url, "config.toml"), Registry.parse(kind, url.partition(" ")[0])))
        except ValueError as error:
            raise UserFacingError(
                f"config.toml: packages.{kind}: {_plain(url)} is no registry: {error}.", "Correct that line."
            ) from error
    return found


def _used(kind: Kind, named: Iterable[Named]) -> list[_Found]:
    """Of a client's settings. A directory, or nothing at all, does not concern us."""
    found = []
    for each in named:
        url = each.url.partition(" ")[0]
        try:
            found.append(_Found(each, Registry.parse(kind, url)))
        except ValueError as error:
            if url.removeprefix("sparse+").startswith(("http://", "https://")):
                sentence = (
                    f"the {kind} registry {_plain(url)} ({each.origin}) cannot be served: {error}; "
                    f"name another one under `{kind}` in [packages] of config.toml"
                )
                found.append(_Found(each, unserved=Unserved(sentence=sentence)))
    return found


def _git_index(url: str) -> Unserved:
    parts = urlsplit(url)
    sentence = (
        f"the Cargo registry {_plain(url)} has a git index, in which no package can be checked by itself; name its "
        "sparse index (sparse+https://...) in Cargo's config.toml, or under `cargo` in [packages] of IronCurtain's"
    )
    place = parts.netloc.rpartition("@")[2].lower().removesuffix(":443") if parts.scheme == "https" else ""
    return Unserved(sentence=sentence, place=place, prefix=parts.path.rstrip("/") or "/")


def _plain(url: str) -> str:
    """Without what may be a password."""
    before, _, rest = url.rpartition("@")
    scheme, separator, _ = before.partition("://")
    return f"{scheme}://{rest}" if separator else rest
