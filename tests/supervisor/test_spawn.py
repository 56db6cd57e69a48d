"""A supervisor is started before there is anything to run, and does no harm when nothing comes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.spawn import SupervisorProcess
from tests.supervisor.asked import asked


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


def request(workspace: Path) -> LaunchRequest:
    return asked(workspace, agent="nobody")


def test_what_it_refuses_is_told_with_the_remedy_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    with SupervisorProcess() as supervisor, pytest.raises(UserFacingError, match="no agent called 'nobody'") as caught:
        supervisor.run(request(tmp_path))
    assert "claude-code" in caught.value.remedy
    assert not (tmp_path / "home").exists()


def test_its_last_words_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tempfile.mkdtemp(prefix="ic-", dir="/tmp")
    monkeypatch.setenv("IRONCURTAIN_HOME", home)
    crashing = tmp_path / "python"
    crashing.write_text("#!/bin/sh\necho it is all over >&2\nexit 1\n")
    crashing.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(crashing))
    wanted = request(tmp_path)
    with SupervisorProcess() as supervisor, pytest.raises(UserFacingError, match="it is all over") as caught:
        supervisor.run(wanted)
    log = paths.SessionPaths.of(wanted.session_id).supervisor_log
    assert str(log) in caught.value.remedy
    assert "it is all over" in log.read_text()
    shutil.rmtree(home)
