"""Which package registries a session may reach: those in config.toml, else those that the host's own clients use."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ironcurtain_tui.config import PackageSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.packages import client_settings, host_settings
from ironcurtain_tui.packages.package import Kind, Registry
from ironcurtain_tui.packages.rules import DAY, PackageRules

ASK_SECONDS = 20.0
"""How long a client may take to tell its own default."""


@dataclass(frozen=True)
class PackageRegistries:
    """All of them, and the rules for what is in them. None at all, unless there are rules."""

    rules: PackageRules | None = None
    all: tuple[Registry, ...] = ()
    npm_scopes: Mapping[str, Registry] = field(default_factory=dict)
    """Registries that npm asks for packages of one scope only."""
    archives: tuple[str, ...] = ()
    """``URL suite component...`` of Debian archives, for apt."""

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
        host = _Host(environment, root)
        scopes: dict[str, Registry] = {}
        registries: list[Registry] = []
        if settings.npm:
            registries += _given(Kind.NPM, settings.npm)
        else:
            found = host.npm()
            registries += _usable(Kind.NPM, found.values())
            scopes = {name: each[0] for name, url in found.items() if name and (each := _usable(Kind.NPM, [url]))}
        registries += _given(Kind.PYPI, settings.pypi) if settings.pypi else _usable(Kind.PYPI, host.pip())
        registries += _given(Kind.CARGO, settings.cargo) if settings.cargo else _usable(Kind.CARGO, host.cargo())
        archives = [(each, settings.debian) for each in settings.debian] or [(each, ()) for each in host.debian()]
        lines = []
        for line, given in archives:
            url, _, rest = line.partition(" ")
            for registry in _given(Kind.DEBIAN, [url]) if given else _usable(Kind.DEBIAN, [url]):
                registries.append(registry)
                lines += [f"{registry.url} {rest}"] if rest else []
        return cls(rules, tuple(dict.fromkeys(registries)), scopes, tuple(lines))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Of the registries themselves."""
        return tuple(dict.fromkeys(each.host for each in self.all))

    def client_files(self, ca_bundle: str) -> dict[str, bytes]:
        """Settings for the installers in the container, by their paths in the agent's home."""
        return client_settings.files(self.all, self.npm_scopes, self.archives, ca_bundle=ca_bundle)

    def apt_settings(self, home: str) -> str:
        """More lines for apt.conf."""
        return client_settings.apt_settings(home) if self.archives else ""


class _Host:
    """The settings of the clients on this machine."""

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        self._environment = environment
        self._root = root
        self._home = root / environment.get("HOME", "").lstrip("/") if environment.get("HOME") else root / "root"

    def npm(self) -> dict[str, str]:
        """URLs by scope."""
        said = self._environment.get("NPM_CONFIG_REGISTRY") or self._environment.get("npm_config_registry")
        texts = self._texts("NPM_CONFIG_USERCONFIG", [self._home / ".npmrc", self._root / "etc/npmrc"])
        found = host_settings.npm([f"registry={said}" if said else "", *texts], self._environment)
        if "" not in found and (default := self._ask("npm", "config", "get", "registry").strip()):
            found[""] = default
        return found

    def pip(self) -> list[str]:
        """The main index first."""
        places = [
            self._home / ".config/pip/pip.conf",
            self._home / "Library/Application Support/pip/pip.conf",
            self._home / ".pip/pip.conf",
            self._root / "etc/pip.conf",
        ]
        main, *extra = host_settings.pip(self._texts("PIP_CONFIG_FILE", places))
        main = self._environment.get("PIP_INDEX_URL") or main or host_settings.pip_default(self._pip_help())
        return [main, *(self._environment.get("PIP_EXTRA_INDEX_URL", "").split() or extra)]

    def cargo(self) -> tuple[str, ...]:
        """What stands in for the public registry first."""
        said = self._environment.get("CARGO_HOME")
        home = self._root / said.lstrip("/") if said else self._home / ".cargo"
        return tuple(
            url
            for text in self._texts("", [home / "config.toml", home / "config"])
            for url in host_settings.cargo(text)
        )

    def debian(self) -> tuple[str, ...]:
        """``URL suite component...`` each."""
        apt = self._root / "etc/apt"
        parts = sorted((apt / "sources.list.d").glob("*")) if (apt / "sources.list.d").is_dir() else []
        places = [apt / "sources.list", *(each for each in parts if each.suffix in (".list", ".sources"))]
        return host_settings.debian(self._texts("", places))

    def _pip_help(self) -> str:
        return self._ask("pip3", "install", "--help") or self._ask("python3", "-m", "pip", "install", "--help")

    def _texts(self, variable: str, places: Iterable[Path]) -> list[str]:
        """What stands in the file that ``variable`` names, and in ``places``; nothing for what cannot be read."""
        said = self._environment.get(variable) if variable else None
        texts = []
        for place in [self._root / said.lstrip("/")] if said else places:
            try:
                texts.append(place.read_text("utf-8"))
            except (OSError, UnicodeDecodeError):
                continue
        return texts

    def _ask(self, program: str, *arguments: str) -> str:
        """What a client says; nothing when it is not there, or fails."""
        path = shutil.which(program, path=self._environment.get("PATH", ""))
        if path is None:
            return ""
        try:
            answer = subprocess.run(
                [path, *arguments],
                env=dict(self._environment),
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=ASK_SECONDS,
                check=True,
            )
        except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
            return ""
        return answer.stdout


def _given(kind: Kind, urls: Iterable[str]) -> list[Registry]:
    return _parsed(kind, urls, _complain)


def _usable(kind: Kind, urls: Iterable[str]) -> list[Registry]:
    """What a client's settings name may be a directory, or on a port that is not opened: then it is left out."""
    return _parsed(kind, urls, lambda _kind, _url, _error: None)


def _parsed(kind: Kind, urls: Iterable[str], on_error: Callable[[Kind, str, ValueError], None]) -> list[Registry]:
    found = []
    for url in urls:
        try:
            found.append(Registry.parse(kind, url))
        except ValueError as error:
            on_error(kind, url, error)
    return found


def _complain(kind: Kind, url: str, error: ValueError) -> None:
    shown = url.rpartition("@")[2]  # what stands before it may be a password
    raise UserFacingError(
        f"config.toml: packages.{kind}: {shown} is no registry: {error}.", "Correct that line."
    ) from error
