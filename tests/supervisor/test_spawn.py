"""A supervisor is started before there is anything to run, and does no harm when nothing comes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.config import Config
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.spawn import SupervisorProcess


def test_told_nothing_it_ends_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    ended = subprocess.run(
        [sys.executable, "-m", "ironcurtain_tui.supervisor"],
        input=b"",
        capture_output=True,
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert not (tmp_path / "home").exists()


def test_its_last_words_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    session = paths.new_session_id()
    request = LaunchRequest(
        session_id=session,
        workspace=str(tmp_path),
        agent="nobody",
        model="",
        rehearsal=True,
        image="none",
        cols=80,
        lines=24,
        config=Config(),
    )
    with SupervisorProcess() as supervisor, pytest.raises(UserFacingError, match="no agent called 'nobody'") as caught:
        supervisor.run(request)
    log = paths.SessionPaths.of(session).supervisor_log
    assert str(log) in caught.value.remedy
    assert "nobody" in log.read_text()
