"""What `ironcurtain-tui task` says of a command line that makes no sense."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.cli import main


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "There is no task."),
        (["--rehearsal"], "There is no task."),
        (["  \n"], "There is no task."),
        (["-"], "There is no task."),
        (["--memory", "lots", "x"], "memory must be"),
        (["--result", "1234", "x"], "--result starts nothing"),
    ],
)
def test_wrong_usage_has_an_exit_code_of_its_own(
    arguments: list[str],
    reason: str,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["task", *arguments]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert reason in told.err
    assert "→" in told.err
    assert main(["task", "--json", *arguments]) == 2
    assert reason in json.loads(capsys.readouterr().out)["reason"]
    assert not (home / "sessions").exists()


@pytest.mark.parametrize("arguments", [["--timeout", "soon", "x"], ["--max-tokens", "-1", "x"], ["--nonsense", "x"]])
def test_so_have_options_that_are_none(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["task", *arguments])
    assert ended.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_what_cannot_start_for_another_reason_has_another(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["task", "--rehearsal", "--workspace", "/nonexistent", "x"]) == 1
    assert capsys.readouterr().err
    assert main(["task", "--result"]) == 1
    assert "There is no task yet." in capsys.readouterr().err
