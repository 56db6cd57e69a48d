"""Races are run for real: token server, files, and processes."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.credentials import login_credential
from ironcurtain_tui.credentials.credential import Key
from ironcurtain_tui.credentials.login import CLAUDE
from ironcurtain_tui.credentials.login_credential import LoginCredential
from ironcurtain_tui.credentials.login_store import FileStore
from ironcurtain_tui.credentials.logins import _claude_locks
from ironcurtain_tui.credentials.token_endpoint import TokenEndpoint
from ironcurtain_tui.errors import UserFacingError
from tests.waiting import PATIENCE, until

from .news import News
from .token_server import TokenServer

HOUR = 3600.0


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with TokenServer().running() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    directory = tmp_path / ".claude"
    directory.mkdir()
    return directory / ".credentials.json"


def put(path: Path, access: str, refresh: str, expires_in: float) -> None:
    """As the agent on the host writes its log-in."""
    oauth = {"accessToken": access, "refreshToken": refresh, "expiresAt": int((time.time() + expires_in) * 1000)}
    document = {"claudeAiOauth": {**oauth, "scopes": ["user:inference"], "subscriptionType": "pro"}, "other": [1]}
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(document))
    temporary.chmod(0o600)
    temporary.replace(path)


def stored(path: Path) -> tuple[str, str]:
    oauth = json.loads(path.read_text())["claudeAiOauth"]
    return oauth["accessToken"], oauth["refreshToken"]


def credential(path: Path, server: TokenServer) -> tuple[LoginCredential, News]:
    store = FileStore(path, CLAUDE, _claude_locks)
    login = store.read()
    assert login is not None
    endpoint = TokenEndpoint(server.url, "client-of-a-test", scope=True)
    made = LoginCredential(store, endpoint, login, title="Anthropic", remedy="Log in again.")
    return made, News(made)


def text(key: Key) -> str:
    return key.secret.reveal()


OLD, NEW = ("access-token-number-0", "refresh-token-number-0"), ("access-token-number-1", "refresh-token-number-1")


async def test_a_token_that_lasts_is_sent_as_it_is(path: Path, server: TokenServer) -> None:
    put(path, *OLD, HOUR)
    log_in, _ = credential(path, server)
    assert text(await log_in.key()) == OLD[0]
    assert server.asked == []


async def test_one_that_expires_soon_is_renewed_once_for_all_who_wait(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    server.delay = 0.3
    log_in, news = credential(path, server)
    keys = await asyncio.gather(*(log_in.key() for _ in range(20)))
    assert {text(key) for key in keys} == {NEW[0]}
    assert len(server.asked) == 1
    assert server.asked[0] == {
        "grant_type": "refresh_token",
        "refresh_token": OLD[1],
        "client_id": "client-of-a-test",
        "scope": "user:inference",
    }
    assert stored(path) == NEW
    document = json.loads(path.read_text())
    assert document["other"] == [1]
    assert document["claudeAiOauth"]["subscriptionType"] == "pro"
    assert document["claudeAiOauth"]["expiresAt"] == pytest.approx((time.time() + 28800) * 1000, abs=60_000)
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(news.secrets) == set(NEW)
    assert set(log_in.secrets) == {*OLD, *NEW}
    assert len(news.changes) == 1
    assert not (path.parent / ".oauth_refresh.lock").exists()
    assert sorted(each.name for each in path.parent.iterdir()) == [".credentials.json"]


async def test_a_request_that_is_cancelled_loses_no_token(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    server.may_answer.clear()
    log_in, _ = credential(path, server)
    waiting = asyncio.get_running_loop().create_task(log_in.key())
    await until(lambda: server.asked)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    server.may_answer.set()
    await log_in.close()  # the session ends just then, too
    assert stored(path) == NEW


async def test_what_the_agent_on_the_host_renewed_is_taken_over(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    put(path, "access-by-the-host-agent", "refresh-by-the-host-agent", HOUR)
    assert text(await log_in.key()) == "access-by-the-host-agent"
    assert server.asked == []
    assert "refresh-by-the-host-agent" in news.secrets


async def test_it_waits_while_the_agent_on_the_host_renews(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    log_in, _ = credential(path, server)
    lock = path.parent / ".oauth_refresh.lock"
    lock.mkdir()  # Claude Code at work
    waiting = asyncio.get_running_loop().create_task(log_in.key())
    await asyncio.sleep(0.5)
    assert server.asked == []
    assert not waiting.done()
    put(path, "access-by-the-host-agent", "refresh-by-the-host-agent", HOUR)
    lock.rmdir()
    assert text(await waiting) == "access-by-the-host-agent"
    assert server.asked == []


async def test_a_lock_of_a_dead_process_is_removed(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    for lock in _claude_locks(path.parent):
        lock.mkdir()
        os.utime(lock, (1, 1))
    log_in, _ = credential(path, server)
    assert text(await log_in.key()) == NEW[0]
    assert not any(lock.exists() for lock in _claude_locks(path.parent))


async def test_losing_a_race_against_an_agent_without_locks(
    path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody spends the token while ours is on its way, and writes what came a moment later."""
    monkeypatch.setattr(login_credential, "RACE_SECONDS", (0.05,) * 1000)
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    _, answer = server.answer({"refresh_token": OLD[1]})

    async def host_agent() -> None:
        await until(lambda: len(server.asked) == 2)
        await asyncio.sleep(0.5)
        put(path, str(answer["access_token"]), str(answer["refresh_token"]), HOUR)

    _, key = await asyncio.gather(host_agent(), log_in.key())
    assert text(key) == NEW[0]
    assert stored(path) == NEW
    assert NEW[1] in server.valid
    assert news.failures == []


async def test_newer_tokens_of_the_host_are_never_overwritten(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    server.may_answer.clear()
    log_in, _ = credential(path, server)
    waiting = asyncio.get_running_loop().create_task(log_in.key())
    await until(lambda: server.asked)
    put(path, "access-by-the-host-agent", "refresh-by-the-host-agent", HOUR)
    server.may_answer.set()
    await waiting
    assert stored(path) == ("access-by-the-host-agent", "refresh-by-the-host-agent")
    assert text(await log_in.key()) == "access-by-the-host-agent"


_PROCESS = """
import asyncio, sys
from pathlib import Path
from tests.credentials.test_login_credential import credential, text
class Server: url = sys.argv[2]
async def main():
    made, news = credential(Path(sys.argv[1]), Server)
    print("ready", flush=True)
    sys.stdin.readline()
    print(text(await made.key()), len(news.failures), flush=True)
    await made.close()
asyncio.run(main())
"""


def test_four_processes_at_once(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    server.delay = 0.3
    root = Path(__file__).parents[2]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _PROCESS, str(path), server.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=PATIENCE)[0] for process in processes]
    assert outputs == [f"{NEW[0]} 0\n"] * 4
    assert len(server.asked) == 1
    assert stored(path) == NEW


async def test_rejected_once_then_accepted(path: Path, server: TokenServer) -> None:
    """Our clock is behind, or somebody else renewed and the old token was revoked."""
    put(path, *OLD, HOUR)
    log_in, news = credential(path, server)
    key = await log_in.key()
    assert await asyncio.gather(*(log_in.rejected(key) for _ in range(10))) == [True] * 10
    assert text(await log_in.key()) == NEW[0]
    assert len(server.asked) == 1
    assert await log_in.rejected(key)  # a late answer to a request with the old one
    assert len(server.asked) == 1
    assert news.failures == []


async def test_rejected_again_and_again_asks_no_storm(path: Path, server: TokenServer) -> None:
    put(path, *OLD, HOUR)
    log_in, news = credential(path, server)
    assert await log_in.rejected(await log_in.key())
    for _ in range(5):
        assert not await log_in.rejected(await log_in.key())
    assert len(server.asked) == 1
    assert len(news.failures) == 1
    assert news.failures[0].remedy == "Log in again."


async def test_revoked_is_told_once_and_mended_by_a_new_log_in(
    path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_credential, "RACE_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(login_credential, "RETRY_SECONDS", 0.0)
    put(path, *OLD, -10)
    server.valid.clear()
    log_in, news = credential(path, server)
    for _ in range(4):
        with pytest.raises(UserFacingError, match="revoked or has expired") as caught:
            await log_in.key()
        assert caught.value.remedy == "Log in again."
    assert len(server.asked) == 1
    assert len(news.failures) == 1
    assert stored(path) == OLD
    put(path, "access-of-the-new-login", "refresh-of-the-new-login", HOUR)
    assert text(await log_in.key()) == "access-of-the-new-login"


async def test_revoked_while_the_old_token_still_lasts(
    path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_credential, "RACE_SECONDS", (0.01,))
    put(path, *OLD, 100)
    server.valid.clear()
    log_in, news = credential(path, server)
    assert text(await log_in.key()) == OLD[0]
    assert len(news.failures) == 1


@pytest.mark.parametrize(
    "failure", [(500, {}), (429, {"error": "slow_down"}), (403, {"error": "blocked"}), (200, {"no": "token"})]
)
async def test_a_server_in_trouble_says_nothing_about_the_token(
    path: Path, server: TokenServer, failure: tuple[int, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_credential, "RETRY_SECONDS", 0.0)
    put(path, *OLD, 100)
    server.failure = failure
    log_in, news = credential(path, server)
    assert text(await log_in.key()) == OLD[0]
    assert OLD[1] not in str(news.failures[0])
    server.failure = None
    assert text(await log_in.key()) == NEW[0]


async def test_a_server_that_is_not_there(path: Path, server: TokenServer) -> None:
    put(path, *OLD, -10)
    log_in, news = credential(path, server)
    log_in._endpoint = TokenEndpoint("http://127.0.0.1:1/token", "client")
    with pytest.raises(UserFacingError, match="cannot be renewed"):
        await log_in.key()
    assert len(news.failures) == 1
    assert stored(path) == OLD


async def test_a_clock_that_is_ahead(path: Path, server: TokenServer) -> None:
    """Every new token seems expired already: it is sent, and the provider decides."""
    put(path, *OLD, 100)
    server.expires_in = -600
    log_in, _ = credential(path, server)
    assert text(await log_in.key()) == NEW[0]
    for _ in range(3):
        assert text(await log_in.key()) in [access for access, _ in server.issued]


async def test_nothing_is_spent_when_it_cannot_be_written(path: Path, server: TokenServer) -> None:
    """The disk is full, as far as this process can tell."""
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        key = await log_in.key()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert text(key) == OLD[0]
    assert server.asked == []
    assert "would be logged out" in news.failures[0].message
    assert sorted(each.name for each in path.parent.iterdir()) == [".credentials.json"]


async def test_nothing_is_spent_where_the_store_is_a_directory_that_is_gone(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    path.unlink()
    path.parent.rmdir()
    assert text(await log_in.key()) == OLD[0]
    assert server.asked == []
    assert "would be logged out" in news.failures[0].message


async def test_tokens_that_could_not_be_stored_are_stored_later(
    path: Path, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_credential, "RETRY_SECONDS", 0.0)
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    real = FileStore._save

    def full(store: FileStore, content: bytes) -> None:
        raise UserFacingError("No space left on device.", "Free some.")

    monkeypatch.setattr(FileStore, "_save", full)
    assert text(await log_in.key()) == NEW[0]
    assert "could not be stored" in news.failures[0].message
    assert text(await log_in.key()) == NEW[0]  # not the old one from the store
    assert stored(path) == OLD
    monkeypatch.setattr(FileStore, "_save", real)
    assert text(await log_in.key()) == NEW[0]
    assert stored(path) == NEW
    assert len(server.asked) == 1


async def test_a_link_and_its_mode_stay(path: Path, server: TokenServer, tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    put(real, *OLD, 100)
    real.chmod(0o640)
    path.symlink_to(real)
    log_in, _ = credential(path, server)
    assert text(await log_in.key()) == NEW[0]
    assert path.is_symlink()
    assert stored(real) == NEW
    assert real.stat().st_mode & 0o777 == 0o640


async def test_a_file_that_is_just_being_written_is_no_end(path: Path, server: TokenServer) -> None:
    put(path, *OLD, HOUR)
    log_in, news = credential(path, server)
    path.write_text('{"claudeAiOauth": {"acc')
    assert text(await log_in.key()) == OLD[0]
    put(path, "access-by-the-host-agent", "refresh-by-the-host-agent", HOUR)
    assert text(await log_in.key()) == "access-by-the-host-agent"
    assert news.failures == []


async def test_no_message_holds_a_token(path: Path, server: TokenServer) -> None:
    put(path, *OLD, 100)
    log_in, news = credential(path, server)
    await log_in.key()
    everything = repr(vars(log_in)) + "".join(news.changes) + "".join(map(str, news.failures))
    assert not any(token in repr(log_in._login) + "".join(news.changes) for token in (*OLD, *NEW)), everything
