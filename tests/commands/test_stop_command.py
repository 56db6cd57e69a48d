"""`stop` says that a session has stopped when nothing of it is left, and goes on with the next when one did not."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import cli
from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.paths import SessionPaths, new_session_id
from ironcurtain_tui.sessions import registry

SUPERVISOR = """
import shutil, signal, sys, time
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
session = SessionPaths.of(sys.argv[1])
session.create()
registry.take_lease(session, ProcessIdentity.current())

def end(*_):
    if sys.argv[2] != "dies":
        registry.close_record(session, "stopped", left=() if sys.argv[2] == "clean" else ("container",))
        registry.release(session)
    sys.exit()

signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while True:
    time.sleep(60)
"""
"""Of a version that we cannot talk to: it has no socket that we know."""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="ic-") as directory:
        monkeypatch.setenv("IRONCURTAIN_HOME", directory)
        yield Path(directory)


def started(how: str, at: float) -> tuple[SessionPaths, subprocess.Popen[bytes]]:
    session = SessionPaths.of(new_session_id())
    process = subprocess.Popen([sys.executable, "-c", SUPERVISOR, session.session_id, how], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    info = SessionInfo(session.session_id, "shell", "Shell", "/w", rehearsal=True, network_mode="uds", started=at)
    registry.write_json(session.record, registry.SessionRecord(info))
    return session, process


def test_one_that_speaks_another_language_is_told_by_signal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session, process = started("clean", 1.0)
    assert cli.main(["stop"]) == 0
    assert f"{session.session_id} stopped" in capsys.readouterr().out
    assert process.wait(60) == 0


def test_one_that_dies_instead_is_not_called_stopped(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session, process = started("dies", 1.0)
    assert cli.main(["stop", session.session_id]) == 1
    said = capsys.readouterr()
    assert "stopped" not in said.out
    assert "before it had removed everything" in said.err
    assert "ironcurtain-tui gc" in said.err
    process.wait(60)


def test_of_all_each_is_asked(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (first, second), processes = zip(*(started(how, at) for how, at in (("clean", 1.0), ("dies", 2.0))), strict=True)
    assert cli.main(["stop", "--all"]) == 1
    said = capsys.readouterr()
    assert f"{first.session_id} stopped" in said.out
    assert second.session_id in said.err
    for process in processes:
        process.wait(60)


def test_what_it_could_not_remove_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session, process = started("leaves", 1.0)
    assert cli.main(["stop", session.session_id[:4]]) == 1
    assert "stopped, but could not end: container." in capsys.readouterr().err
    process.wait(60)
