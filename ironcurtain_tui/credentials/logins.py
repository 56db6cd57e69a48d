"""The log-ins of agents that are found on this host."""

from __future__ import annotations

import getpass
import hashlib
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.credentials import keychain, login
from ironcurtain_tui.credentials.credential import Credential
from ironcurtain_tui.credentials.login_credential import LoginCredential
from ironcurtain_tui.credentials.login_store import FileStore, KeyringStore, LoginStore
from ironcurtain_tui.credentials.sources import EnvironmentKey
from ironcurtain_tui.credentials.stored_key import StoredKey
from ironcurtain_tui.credentials.token_endpoint import TokenEndpoint, Transport, directly
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.base import Provider

CLAUDE_CODE = TokenEndpoint(
    "https://platform.claude.com/v1/oauth/token", "9d1c250a-e61b-44d9-88ed-5944d1962f5e", scope=True
)
ANTHROPIC_CLI = TokenEndpoint("https://api.anthropic.com/v1/oauth/token", "41077d10-94b8-4194-be48-d251e9eb21b4")
CODEX = TokenEndpoint("https://auth.openai.com/oauth/token", "app_EMoamEEZ73f0CkXaXp7hrann")

CLAUDE_TOKEN = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 -- a name
"""A token valid for a year, from `claude setup-token`."""

_LOG_IN_CLAUDE = "Log in again on this machine (`claude`, then /login); this session then goes on by itself."
_LOG_IN_ANTHROPIC = "Log in again with the Anthropic CLI on this machine; this session then goes on by itself."
_LOG_IN_CODEX = "Log in again on this machine (`codex login`); this session then goes on by itself."


@dataclass(frozen=True)
class _Place:
    """Where a log-in may lie, and whom to ask for its renewal."""

    store: LoginStore
    endpoint: TokenEndpoint
    remedy: str


def find(
    provider: Provider,
    environment: Mapping[str, str] = os.environ,
    *,
    transport: Transport = directly,
) -> Credential | None:
    """The log-in that opens ``provider``, None when there is none that is valid or can be renewed.

    Blocks: reads files and, on macOS, the keychain. ``transport``: the way to who renews it.
    """
    if provider.name == "anthropic" and (token := environment.get(CLAUDE_TOKEN, "").strip()):
        source = EnvironmentKey(CLAUDE_TOKEN, token)
        return StoredKey(source, source.read(), provider=provider.title)
    for place in _places(provider.name, environment):
        try:
            found = place.store.read()
        except UserFacingError:
            continue  # not named by anybody, so no reason to stop
        if found is not None and (found.refresh is not None or found.is_fresh(time.time(), 0)):
            return LoginCredential(
                place.store,
                place.endpoint,
                found,
                title=provider.title,
                remedy=place.remedy,
                transport=transport,
            )
    return None


def _places(provider: str, environment: Mapping[str, str]) -> Iterator[_Place]:
    home = Path(environment.get("HOME", "") or Path.home())
    if provider == "anthropic":
        yield from _claude(home, environment)
    elif provider == "chatgpt":
        yield from _codex(home, environment)


def _claude(home: Path, environment: Mapping[str, str]) -> Iterator[_Place]:
    """Claude Code 2.1.330 keeps its log-in in the keychain on macOS, in a file elsewhere, or when there is none."""
    own = environment.get("CLAUDE_SECURESTORAGE_CONFIG_DIR", environment.get("CLAUDE_CONFIG_DIR", ""))
    directory = Path(own) if own else home / ".claude"
    file = FileStore(directory / ".credentials.json", login.CLAUDE, _claude_locks)
    yield _Place(file, CLAUDE_CODE, _LOG_IN_CLAUDE)
    base = environment.get("ANTHROPIC_CONFIG_DIR", "")
    shared = Path(environment.get("XDG_CONFIG_HOME", "") or home / ".config") / "anthropic"
    file = FileStore((Path(base) if base else shared) / "credentials" / "default.json", login.ANTHROPIC_CLI)
    yield _Place(file, ANTHROPIC_CLI, _LOG_IN_ANTHROPIC)
    if _keychain():
        suffix = f"-{hashlib.sha256(str(directory).encode()).hexdigest()[:8]}" if own else ""
        for service in (f"Claude Code-credentials{suffix}", "Claude Code"):
            user = environment.get("USER", "") or getpass.getuser()
            store = KeyringStore(service, user, login.CLAUDE, directory, _claude_locks(directory))
            yield _Place(store, CLAUDE_CODE, _LOG_IN_CLAUDE)


def _claude_locks(directory: Path) -> tuple[Path, ...]:
    """What Claude Code holds while it renews: today's lock and the one of older versions."""
    real = Path(os.path.realpath(directory))
    return directory / ".oauth_refresh.lock", real.with_name(f"{real.name}.lock")


def _codex(home: Path, environment: Mapping[str, str]) -> Iterator[_Place]:
    """Codex 0.169.0 keeps its log-in in a file, or where its configuration says so in the keyring."""
    own = environment.get("CODEX_HOME", "")
    directory = Path(own) if own else home / ".codex"
    yield _Place(FileStore(directory / "auth.json", login.CODEX), CODEX, _LOG_IN_CODEX)
    if _keychain():
        digest = hashlib.sha256(os.path.realpath(directory).encode()).hexdigest()
        store = KeyringStore("Codex Auth", f"cli|{digest[:16]}", login.CODEX, directory)
        yield _Place(store, CODEX, _LOG_IN_CODEX)


def _keychain() -> bool:
    """Elsewhere agents keep nothing in the keyring, and asking it may ask the person."""
    return sys.platform == "darwin" and keychain.available()
