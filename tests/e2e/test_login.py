"""A session that a log-in opens instead of a key: real Claude Code, with a token in its container that is none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from tests.e2e.conftest import CANARY, Installation, keyed
from tests.e2e.test_turn import assert_no_key_inside
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

REVOKED = "sk-ant-oat01-revoked-token-of-a-test-0123456789"


def log_in(path: Path, access: str) -> None:
    oauth = {
        "accessToken": access,
        "refreshToken": "",  # else a test would ask the real authorization server
        "expiresAt": int((time.time() + 8 * 3600) * 1000),
        "scopes": ["user:inference"],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"claudeAiOauth": oauth}))
    path.chmod(0o600)


def test_codex_works_by_a_log_in_at_chatgpt(installation: Installation) -> None:
    credentials = installation.home.parent / "codex" / "auth.json"
    credentials.parent.mkdir()
    tokens = {"access_token": CANARY, "id_token": "", "refresh_token": "", "account_id": "account-of-a-test"}
    credentials.write_text(json.dumps({"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens}))
    installation.environment["CODEX_HOME"] = str(credentials.parent)
    with keyed(installation, "chatgpt"):
        workspace = ("--workspace", str(installation.workspace), "--agent", "codex")
        told = installation.run("task", *workspace, "--json", "RUN: echo logged-in > proof.txt", seconds=300)
    assert json.loads(told.stdout)["outcome"] == "success", told.stdout
    assert (installation.workspace / "proof.txt").read_text() == "logged-in\n"
    for path in installation.home.rglob("*"):
        assert not path.is_file() or CANARY.encode() not in path.read_bytes(), path


def test_a_log_in_that_is_revoked_is_mended_by_another_one(
    with_key: Installation, engine: Engine, terminal: Tmux
) -> None:
    """The session starts with a token the provider takes, loses it, says so, and goes on when there is a new one."""
    del with_key.environment["ANTHROPIC_API_KEY"]
    credentials = with_key.home.parent / "claude" / ".credentials.json"
    log_in(credentials, CANARY)
    with_key.environment["CLAUDE_CONFIG_DIR"] = str(credentials.parent)
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    terminal.submit("RUN: echo turn-$((40 + 2)) > first.txt")
    terminal.wait_for("turn-42|Done|first.txt")
    wait_until((with_key.workspace / "first.txt").exists, PATIENCE)
    session = with_key.sessions()[0]
    owned = next(each for each in engine.find_owned() if each.session_id == session.session_id)
    container = AgentContainer(engine.client, engine.address, owned.id, owned.name)
    sentinel = container.exec(["sh", "-c", "echo $CLAUDE_CODE_OAUTH_TOKEN"])[1].decode().strip()
    assert sentinel.startswith("sk-ant-oat01-ironcurtain-")
    assert container.exec(["sh", "-c", "echo $ANTHROPIC_API_KEY"])[1].strip() == b""
    assert_no_key_inside(engine, container, sentinel)

    log_in(credentials, REVOKED)
    terminal.submit("RUN: echo again > second.txt")
    terminal.wait_for("does not accept|cannot be renewed|401|authenticat")
    assert not (with_key.workspace / "second.txt").exists()
    log_in(credentials, CANARY)
    terminal.submit("RUN: echo again > second.txt")
    wait_until((with_key.workspace / "second.txt").exists, PATIENCE)
    log = session.audit_log.read_text()
    assert "credential.renewed" in log
    assert "credential.failed" in log
    for secret in (CANARY, REVOKED):
        assert secret not in log
