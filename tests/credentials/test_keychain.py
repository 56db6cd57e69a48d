"""The real library, over a keyring that is kept in memory."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from ironcurtain_tui.config import ProviderSettings
from ironcurtain_tui.credentials import keychain, logins, sources
from ironcurtain_tui.credentials.login import CLAUDE
from ironcurtain_tui.credentials.login_credential import LoginCredential
from ironcurtain_tui.credentials.login_store import KeyringStore
from ironcurtain_tui.credentials.token_endpoint import TokenEndpoint
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.anthropic import ANTHROPIC

from .token_server import TokenServer

KEY = "sk-key-in-the-keyring-of-a-test"


class InMemory(KeyringBackend):
    priority = 1  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringLocked(f"{service} {self.entries}")
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password


@pytest.fixture
def entries() -> Iterator[InMemory]:
    before = keyring.get_keyring()
    memory = InMemory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_a_key_in_the_keyring(entries: InMemory) -> None:
    entries.set_password("my/service", "me", KEY)
    source = sources.find(ANTHROPIC, ProviderSettings(api_key_keyring="my/service/me"), {})
    assert source is not None
    assert source.read().reveal() == KEY
    assert not source.changed()


def test_no_entry_and_a_locked_keyring(entries: InMemory) -> None:
    entries.set_password("s", "other", KEY)
    source = sources.find(ANTHROPIC, ProviderSettings(api_key_keyring="s/me"), {})
    assert source is not None
    with pytest.raises(UserFacingError, match="has no entry s/me") as caught:
        source.read()
    assert "keyring set s me" in caught.value.remedy
    entries.locked = True
    with pytest.raises(UserFacingError, match="KeyringLocked") as caught:
        source.read()
    assert KEY not in str(caught.value)


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert not keychain.available()
    with pytest.raises(UserFacingError, match="not installed"):
        keychain.read("s", "me")
    with pytest.raises(UserFacingError):
        keychain.write("s", "me", "x")


def document(access: str, refresh: str, expires_in: float) -> str:
    oauth = {"accessToken": access, "refreshToken": refresh, "expiresAt": (time.time() + expires_in) * 1000}
    return json.dumps({"claudeAiOauth": oauth, "kept": True})


async def test_a_log_in_in_the_keychain_is_renewed_there(entries: InMemory, tmp_path: Path) -> None:
    entries.set_password("Claude Code-credentials", "me", document("access-token-0123", "refresh-token-number-0", 100))
    store = KeyringStore("Claude Code-credentials", "me", CLAUDE, tmp_path / "new" / "claude")
    login = store.read()
    assert login is not None
    with TokenServer().running() as server:
        endpoint = TokenEndpoint(server.url, "client")
        log_in = LoginCredential(store, endpoint, login, title="Anthropic", remedy="Log in.")
        assert (await log_in.key()).secret.reveal() == "access-token-number-1"
    kept = json.loads(entries.entries["Claude Code-credentials", "me"])
    assert kept["claudeAiOauth"]["refreshToken"] == "refresh-token-number-1"
    assert kept["kept"] is True


def test_on_a_mac_the_keychain_is_looked_at_after_the_files(
    entries: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    environment = {"HOME": str(tmp_path), "USER": "me"}
    assert logins.find(ANTHROPIC, environment) is None
    entries.set_password("Claude Code-credentials", "me", document("access-in-the-keychain", "refresh-token-1", 3600))
    found = logins.find(ANTHROPIC, environment)
    assert found is not None
    assert found.origin == "the log-in in the keyring's entry Claude Code-credentials"
    (tmp_path / ".claude").mkdir()
    file = tmp_path / ".claude" / ".credentials.json"
    file.write_text(document("access-in-the-file-0", "refresh-token-0", 3600))
    found = logins.find(ANTHROPIC, environment)
    assert found is not None
    assert found.origin == f"the log-in in {file}"


def test_elsewhere_it_is_not_asked(entries: InMemory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    entries.locked = True  # asking it would fail
    assert logins.find(ANTHROPIC, {"HOME": str(tmp_path)}) is None
