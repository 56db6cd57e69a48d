from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ironcurtain_tui.config import ProviderSettings
from ironcurtain_tui.credentials import sources
from ironcurtain_tui.credentials.sources import resolve
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers import PROVIDERS
from tests.waiting import wait_until

KEY = "sk-ant-api03-very-secret-indeed"
ANTHROPIC = PROVIDERS["anthropic"]


def command(code: str) -> ProviderSettings:
    return ProviderSettings(api_key_command=(sys.executable, "-c", code))


def key_file(path: Path, content: str = KEY + "\n", mode: int = 0o600) -> ProviderSettings:
    path.write_text(content)
    path.chmod(mode)
    return ProviderSettings(api_key_file=str(path))


def found(settings: ProviderSettings | None = None, **environment: str) -> str | None:
    secret = resolve(ANTHROPIC, settings, environment)
    return secret.reveal() if secret else None


def test_nowhere() -> None:
    assert found() is None
    assert found(ANTHROPIC_API_KEY="") is None


def test_environment_first(tmp_path: Path) -> None:
    assert found(ANTHROPIC_API_KEY=KEY) == KEY
    assert found(key_file(tmp_path / "key", "another-key-of-mine-0"), ANTHROPIC_API_KEY=KEY) == KEY


def test_command_and_file(tmp_path: Path) -> None:
    assert found(command(f"print('{KEY}')")) == KEY
    assert found(key_file(tmp_path / "key")) == KEY


def told(settings: ProviderSettings | None = None, **environment: str) -> str:
    with pytest.raises(UserFacingError) as caught:
        found(settings, **environment)
    assert caught.value.remedy
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value.message


@pytest.mark.parametrize("value", ["short", KEY + " " + KEY, KEY + "\n" + KEY, "k\xe9y" * 10, "x" * 5000])
def test_what_is_no_key_is_refused_unseen(value: str) -> None:
    message = told(ANTHROPIC_API_KEY=value)
    assert "ANTHROPIC_API_KEY" in message
    assert value not in message


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f"import sys; print('{KEY}'); print('{KEY}', file=sys.stderr); sys.exit(3)", "exit status 3"),
        ("pass", "not an API key"),
        (f"print('{KEY} and more')", "not an API key"),
    ],
)
def test_a_command_that_gives_no_key(code: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert words in told(command(code))
    assert KEY not in "".join(capfd.readouterr())


def test_a_command_that_is_not_there() -> None:
    assert "cannot be started" in told(ProviderSettings(api_key_command=("/nonexistent/program",)))


def test_a_command_that_hangs_is_ended_with_its_children(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    settings = ProviderSettings(api_key_command=("sh", "-c", f"sleep 1000 & echo $! > {pid_file}; wait"))
    seconds = 0.2
    while not pid_file.exists():  # it was ended before it had come so far
        seconds *= 2
        monkeypatch.setattr(sources, "COMMAND_SECONDS", seconds)
        assert "no answer within" in told(settings)
    child = Path(f"/proc/{pid_file.read_text().strip()}/stat")

    def gone() -> bool:
        """Init or we have reaped it, or it waits for that."""
        try:
            return ") Z " in child.read_text()
        except (FileNotFoundError, ProcessLookupError):
            return True

    wait_until(gone)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o622])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    assert "read by others" in told(key_file(tmp_path / "key", mode=mode))


def test_files_that_hold_no_key(tmp_path: Path) -> None:
    assert "cannot be read" in told(ProviderSettings(api_key_file=str(tmp_path / "missing")))
    assert "not a regular file" in told(ProviderSettings(api_key_file=str(tmp_path)))
    assert "not an API key" in told(key_file(tmp_path / "empty", ""))
    assert "not an API key" in told(key_file(tmp_path / "large", "x" * 100_000))
