"""Which log-in is found, and what a session makes of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.agents import agent
from ironcurtain_tui.config import Config, ProviderSettings
from ironcurtain_tui.credentials import logins
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.chatgpt import CHATGPT
from ironcurtain_tui.providers.openai import OPENAI
from ironcurtain_tui.supervisor.access import Accesses

from .test_login import CLI_DOCUMENT, CODEX_DOCUMENT, jwt

TOKEN = "sk-ant-oat01-token-of-a-test"
KEY = "sk-ant-api03-key-of-a-test"


def claude(path: Path, expires_in: float = 3600, refresh: str = "refresh-token-of-a-test") -> None:
    oauth = {"accessToken": TOKEN, "refreshToken": refresh, "expiresAt": (time.time() + expires_in) * 1000}
    write(path, {"claudeAiOauth": oauth})


def write(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def origin(tmp_path: Path, **environment: str) -> str | None:
    found = logins.find(ANTHROPIC, {"HOME": str(tmp_path), **environment})
    return None if found is None else found.origin


def test_places_in_order(tmp_path: Path) -> None:
    assert origin(tmp_path) is None
    cli = tmp_path / ".config/anthropic/credentials/default.json"
    write(cli, {**CLI_DOCUMENT, "expires_at": time.time() + 3600})
    assert origin(tmp_path) == f"the log-in in {cli}"
    file = tmp_path / ".claude/.credentials.json"
    claude(file)
    assert origin(tmp_path) == f"the log-in in {file}"
    other = tmp_path / "other/.credentials.json"
    claude(other)
    assert origin(tmp_path, CLAUDE_CONFIG_DIR=str(other.parent)) == f"the log-in in {other}"
    assert origin(tmp_path, CLAUDE_CODE_OAUTH_TOKEN=TOKEN) == "the environment variable CLAUDE_CODE_OAUTH_TOKEN"
    with pytest.raises(UserFacingError):
        origin(tmp_path, CLAUDE_CODE_OAUTH_TOKEN="short")


def test_one_that_is_good_for_nothing_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / ".claude/.credentials.json"
    claude(file, expires_in=-1, refresh="")
    assert origin(tmp_path) is None
    claude(file, expires_in=-1)
    assert origin(tmp_path) == f"the log-in in {file}"
    file.write_text("{}")
    assert origin(tmp_path) is None
    file.unlink()
    file.mkdir()
    assert origin(tmp_path) is None


async def test_codex(tmp_path: Path) -> None:
    tokens = {**CODEX_DOCUMENT["tokens"], "access_token": jwt({"exp": time.time() + 3600})}
    write(tmp_path / ".codex/auth.json", {**CODEX_DOCUMENT, "tokens": tokens})
    found = logins.find(CHATGPT, {"HOME": str(tmp_path)})
    assert found is not None
    assert (await found.key()).account == "account-1"
    assert logins.find(OPENAI, {"HOME": str(tmp_path)}) is None


@pytest.fixture
def logged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
    claude(tmp_path / ".claude/.credentials.json")


def settings(**changes: Any) -> Config:
    return Config(providers={"anthropic": ProviderSettings(**changes)})


def test_a_session_opened_by_a_log_in(logged_in: None) -> None:
    accesses = Accesses.find(agent("claude-code"), Config(), rehearsal=False)
    (access,) = accesses
    assert access.by_login
    assert not accesses.rehearsal
    assert accesses.logins == {"anthropic"}
    assert access.sentinel.startswith("sk-ant-oat01-ironcurtain-")
    assert [place.header for place in access.provider.hosts[0].credentials] == ["authorization"]
    assert TOKEN in accesses.secrets
    assert "refresh-token-of-a-test" in accesses.secrets


def test_a_key_wins_unless_the_settings_say_otherwise(logged_in: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    adapter = agent("claude-code")
    assert KEY in Accesses.find(adapter, Config(), rehearsal=False).secrets
    assert TOKEN in Accesses.find(adapter, settings(login="first"), rehearsal=False).secrets
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    assert Accesses.find(adapter, settings(login="off"), rehearsal=False).rehearsal


def test_a_log_in_never_goes_to_a_gateway(logged_in: None) -> None:
    config = settings(base_url="https://llm.example.org/v1", login="first")
    assert Accesses.find(agent("claude-code"), config, rehearsal=False).rehearsal


def test_claude_code_gets_a_token_instead_of_a_key(logged_in: None) -> None:
    from ironcurtain_tui.agents.base import AgentContext

    accesses = Accesses.find(agent("claude-code"), Config(), rehearsal=False)
    context = AgentContext("s", accesses.sentinels, logins=accesses.logins)
    env = agent("claude-code").prepare(context).env
    assert env["CLAUDE_CODE_OAUTH_TOKEN"] == accesses.sentinels["anthropic"]
    assert "ANTHROPIC_API_KEY" not in env
    assert TOKEN not in str(env)
