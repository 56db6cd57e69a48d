from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.credentials import sources, stored_key
from ironcurtain_tui.credentials.sources import CommandKey, EnvironmentKey, FileKey, KeySource
from ironcurtain_tui.credentials.stored_key import StoredKey

from .news import News

FIRST, SECOND = "sk-first-key-of-a-test", "sk-second-key-of-a-test"


def stored(source: KeySource) -> tuple[StoredKey, News]:
    key = StoredKey(source, source.read(), provider="Anthropic")
    return key, News(key)


def key_file(path: Path, content: str) -> Path:
    temporary = path.with_suffix(".new")
    temporary.write_text(content)
    temporary.chmod(0o600)
    return temporary.replace(path)


async def current(key: StoredKey) -> str:
    return (await key.key()).secret.reveal()


async def test_a_file_is_followed(tmp_path: Path) -> None:
    path = key_file(tmp_path / "key", FIRST)
    key, news = stored(FileKey(path))
    assert await current(key) == FIRST
    key_file(path, SECOND + "\n")
    assert await asyncio.gather(*(current(key) for _ in range(5))) == [SECOND] * 5
    assert news.secrets == [SECOND]
    assert len(news.changes) == 1
    assert key.secrets == (FIRST, SECOND)


async def test_a_file_that_breaks_leaves_the_last_key_in_use(tmp_path: Path) -> None:
    path = key_file(tmp_path / "key", FIRST)
    key, news = stored(FileKey(path))
    path.chmod(0o644)
    for _ in range(3):
        assert await current(key) == FIRST
    assert [error.message for error in news.failures] == [f"The api_key_file {path} can be read by others."]
    path.unlink()
    assert await current(key) == FIRST
    key_file(path, SECOND)
    assert await current(key) == SECOND


def counting(path: Path) -> tuple[str, ...]:
    """A command that prints another key each time it runs."""
    code = f"import pathlib; p = pathlib.Path({str(path)!r}); n = len(p.read_text()); p.write_text('x' * (n + 1))"
    return (sys.executable, "-c", f"{code}; print(f'sk-key-of-a-test-number-{{n}}')")


async def test_a_command_is_run_again_only_when_its_key_is_not_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    runs.write_text("")
    key, news = stored(CommandKey(counting(runs)))
    for _ in range(3):
        assert await current(key) == "sk-key-of-a-test-number-0"
    old = await key.key()
    assert await asyncio.gather(*(key.rejected(old) for _ in range(8))) == [True] * 8
    assert await current(key) == "sk-key-of-a-test-number-1"
    assert not await key.rejected(await key.key())  # within the pause
    assert "revoked or has expired" in news.failures[0].message
    assert len(runs.read_text()) == 2
    monkeypatch.setattr(stored_key, "PAUSE_SECONDS", 0.0)
    assert await key.rejected(await key.key())
    assert len(runs.read_text()) == 3


async def test_a_command_may_be_run_again_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = tmp_path / "runs"
    runs.write_text("")
    source = CommandKey(counting(runs), minutes=5)
    key, _ = stored(source)
    assert await current(key) == "sk-key-of-a-test-number-0"
    source._read -= 299
    assert await current(key) == "sk-key-of-a-test-number-0"
    source._read -= 2
    assert await asyncio.gather(*(current(key) for _ in range(4))) == ["sk-key-of-a-test-number-1"] * 4


async def test_a_variable_cannot_change_and_says_what_to_do() -> None:
    key, news = stored(EnvironmentKey("SOME_KEY", FIRST))
    for _ in range(3):
        assert not await key.rejected(await key.key())
    assert len(news.failures) == 1
    assert news.failures[0].remedy == "Set SOME_KEY to a valid key and start a new session."
    assert FIRST not in str(news.failures[0])


def test_the_variable_can_be_named() -> None:
    from ironcurtain_tui.config import ProviderSettings
    from ironcurtain_tui.providers.openai import OPENAI

    source = sources.find(OPENAI, ProviderSettings(api_key_env="MY_KEY"), {"MY_KEY": FIRST, "OPENAI_API_KEY": SECOND})
    assert source is not None
    assert source.read().reveal() == FIRST
