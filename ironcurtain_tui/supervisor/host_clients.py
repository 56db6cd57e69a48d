"""The registries and passwords that npm, pip, Cargo and apt on this machine are set up with."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.packages import host_settings
from ironcurtain_tui.packages.package import Kind, Registry
from ironcurtain_tui.proxy.registry_login import RegistryLogin
from ironcurtain_tui.supervisor import registry_passwords

ASK_SECONDS = 20.0
"""How long a client may take to tell its own default."""


@dataclass(frozen=True)
class Named:
    """A URL as somebody wrote it, perhaps with a password in it; of a Debian archive the whole line."""

    url: str
    origin: str
    """Where it stands, for a person."""

    def __repr__(self) -> str:
        return f"Named(***, {self.origin!r})"


class HostClients:
    """Reads their settings below ``root``; blocks. What cannot be read counts as not there."""

    def __init__(self, environment: Mapping[str, str], root: Path) -> None:
        self._environment = environment
        self._root = root
        self._home = root / environment.get("HOME", "").lstrip("/") if environment.get("HOME") else root / "root"

    def npm(self) -> dict[str, Named]:
        """By scope; the empty one is for everything else."""
        found: dict[str, Named] = {}
        for variable in ("NPM_CONFIG_REGISTRY", "npm_config_registry"):
            if said := self._environment.get(variable):
                found.setdefault("", Named(said, variable))
        for origin, text in self._npmrc():
            for scope, url in host_settings.npm([text], self._environment).items():
                found.setdefault(scope, Named(url, origin))
        if "" not in found and (default := self._ask("npm", "config", "get", "registry").strip()):
            found[""] = Named(default, "npm's default")
        return found

    def pip(self) -> list[Named]:
        """The main index first."""
        main = [Named(each, "PIP_INDEX_URL") for each in self._words("PIP_INDEX_URL")]
        extra = [Named(each, "PIP_EXTRA_INDEX_URL") for each in self._words("PIP_EXTRA_INDEX_URL")]
        for origin, text in self._pip_conf():
            index, *others = host_settings.pip([text])
            if index and not main:
                main.append(Named(index, origin))
            if not extra:
                extra = [Named(each, origin) for each in others]
        return [*(main or [Named(host_settings.pip_default(self._pip_help()), "pip's default")]), *extra]

    def cargo(self) -> list[Named]:
        """What stands in for the public registry first."""
        return [Named(url, origin) for origin, text in self._cargo_config() for url in host_settings.cargo(text)]

    def cargo_git(self) -> list[str]:
        """URLs of those whose index is a git repository."""
        return [url for _, text in self._cargo_config() for url in host_settings.cargo_git(text)]

    def debian(self) -> list[Named]:
        """``URL suite component...`` each."""
        apt = self._root / "etc/apt"
        parts = sorted((apt / "sources.list.d").glob("*")) if (apt / "sources.list.d").is_dir() else []
        places = [apt / "sources.list", *(each for each in parts if each.suffix in (".list", ".sources"))]
        found: dict[str, Named] = {}
        for origin, text in self._files("", places):
            for line in host_settings.debian([text]):
                found.setdefault(line, Named(line, origin))
        return list(found.values())

    def login(self, registry: Registry, url: str) -> RegistryLogin | None:
        """The password that the client of this kind has for ``registry``, which was named as ``url``."""
        match registry.kind:
            case Kind.NPM:
                return registry_passwords.of_npm(registry, self._npmrc(), self._environment)
            case Kind.PYPI:
                files = self._files("NETRC", [self._home / ".netrc", self._home / "_netrc"])
                return registry_passwords.of_pip(registry, url, files)
            case Kind.CARGO:
                settings = [text for _, text in self._cargo_config()]
                credentials = self._cargo_files("credentials.toml", "credentials")
                return registry_passwords.of_cargo(registry, settings, credentials, self._environment)
            case Kind.DEBIAN:
                return None

    def _npmrc(self) -> list[tuple[str, str]]:
        return self._files("NPM_CONFIG_USERCONFIG", [self._home / ".npmrc", self._root / "etc/npmrc"])

    def _pip_conf(self) -> list[tuple[str, str]]:
        places = [
            self._home / ".config/pip/pip.conf",
            self._home / "Library/Application Support/pip/pip.conf",
            self._home / ".pip/pip.conf",
            self._root / "etc/pip.conf",
        ]
        return self._files("PIP_CONFIG_FILE", places)

    def _cargo_config(self) -> list[tuple[str, str]]:
        return self._cargo_files("config.toml", "config")

    def _cargo_files(self, *names: str) -> list[tuple[str, str]]:
        said = self._environment.get("CARGO_HOME")
        home = self._root / said.lstrip("/") if said else self._home / ".cargo"
        return self._files("", [home / name for name in names])

    def _pip_help(self) -> str:
        return self._ask("pip3", "install", "--help") or self._ask("python3", "-m", "pip", "install", "--help")

    def _words(self, variable: str) -> list[str]:
        return self._environment.get(variable, "").split()

    def _files(self, variable: str, places: Iterable[Path]) -> list[tuple[str, str]]:
        """The file that ``variable`` names, or those at ``places``: where each is, for a person, and its text."""
        said = self._environment.get(variable) if variable else None
        found = []
        for place in [self._root / said.lstrip("/")] if said else places:
            try:
                found.append((f"/{place.relative_to(self._root)}", place.read_text("utf-8")))
            except (OSError, UnicodeDecodeError, ValueError):
                continue
        return found

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
