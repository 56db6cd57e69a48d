"""A spare supervisor waits for a call, for its like only, and goes when it is not wanted."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.sessions import memory, spare
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import kin
from tests.waiting import wait_until

EMPTY = {"arguments": ["run"], "environment": {}, "directory": "/", "columns": 80, "lines": 24}


@pytest.fixture
def root(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state directory with a spare that waits, without an engine."""
    with tempfile.TemporaryDirectory(prefix="ic-") as directory:
        monkeypatch.setenv("IRONCURTAIN_HOME", directory)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/no-engine.sock")
        root = Path(directory)
        spare.leave(root, 0)
        wait_until(lambda: spare.waiting(root))
        yield root
        spare.end(root)


def gone(root: Path, was: spare.Spare) -> bool:
    return not was.owner.alive() and not (spare.directory(root) / call.SOCKET).exists() and spare.present(root) is None


def the(root: Path) -> spare.Spare:
    found = spare.waiting(root)
    assert found is not None
    return found


def test_it_has_no_key_and_is_the_starters_like(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = Path(f"/proc/{the(root).owner.pid}/environ").read_bytes()
    assert b"IRONCURTAIN_HOME" in environment
    assert b"PYTEST" not in environment, "of what nobody needs, nothing is kept"


def test_there_is_one_only_and_it_is_asked_to_stay(root: Path) -> None:
    first = the(root)
    owner = spare.directory(root) / spare.OWNER
    os.utime(owner, (1, 1))
    before = spare.clock()
    spare.leave(root, 0)
    assert the(root).owner == first.owner
    assert before + spare.WAIT_SECONDS <= the(root).until <= spare.clock() + spare.WAIT_SECONDS


def test_it_tells_what_it_takes(root: Path) -> None:
    waits = the(root)
    started = len(waits.others)
    assert started == (3 if Nursery.is_possible() else 2), "two screens, and where tool servers come from"
    assert all(one.alive() for one in waits.others)
    assert waits.holds == (), "there is no engine"
    assert f"process {waits.owner.pid}, since " in waits.words
    if sys.platform == "linux":
        taken = memory.own((waits.owner, *waits.others))
        alone = memory.own((waits.owner,))
        assert taken is not None
        assert alone is not None
        assert taken > alone > 10 << 20
        assert " MiB of memory" in waits.words
    spare.end(root)
    wait_until(lambda: not any(one.alive() for one in waits.others))


def test_where_memory_is_short_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    with tempfile.TemporaryDirectory(prefix="ic-") as home:
        root = Path(home)
        monkeypatch.setattr(memory, "available", lambda: spare.LEFT_FROM - 1)
        assert not spare.leave(root, spare.LEFT_FROM)
        assert list(spare.directory(root).iterdir()) == []
        with spare.claimed(root), spare.named(root):
            assert spare.leave(root, spare.LEFT_FROM), "there is one already"


@pytest.mark.skipif(sys.platform != "linux", reason="proc(5)")
def test_its_clock_goes_on_while_the_machine_sleeps_and_cannot_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """As /proc/uptime does, which is that of proc(5): all the time since the machine was started."""
    monkeypatch.setattr(time, "time", lambda: 0.0)
    monkeypatch.setattr(time, "monotonic", lambda: 0.0)
    before = spare.clock()
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    assert before - 0.01 <= uptime <= spare.clock()


def test_told_to_end_it_leaves_nothing(root: Path) -> None:
    was = the(root)
    assert spare.end(root)
    assert gone(root, was)
    assert not spare.end(root)


def test_one_that_does_not_end_is_not_said_to_have(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    was = the(root)
    monkeypatch.setattr(spare, "END_SECONDS", 0.1)
    os.kill(was.owner.pid, signal.SIGSTOP)
    try:
        with pytest.raises(UserFacingError, match=f"process {was.owner.pid}, .* has not yet"):
            spare.end(root)
    finally:
        os.kill(was.owner.pid, signal.SIGCONT)
    wait_until(lambda: gone(root, was))


def test_killed_it_is_not_taken_for_one_and_the_next_takes_its_place(root: Path) -> None:
    was = the(root)
    os.kill(was.owner.pid, signal.SIGKILL)
    wait_until(lambda: not was.owner.alive())
    assert spare.present(root) is None
    placed = call.place(["run", "--detach"])  # one of its threads may still hold the socket for a moment
    assert placed is None or placed.answer() is None
    wait_until(lambda: (spare.leave(root, 0), spare.waiting(root))[1])  # nor is its place free before that
    assert the(root).owner != was.owner
    assert call.place(["run", "--detach"]) is not None, "who is said to wait does"


def answers(root: Path, message: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        line.connect(str(spare.directory(root) / call.SOCKET))
        line.sendall(message)
        return b"".join(iter(lambda: line.recv(4096), b""))


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({**EMPTY, "kin": ["code of yesterday"]}).encode() + b"\n",
        b"not json\n",
        b"{}\n",
        b"[]\n",
        b"",
    ],
    ids=["another kind", "garbage", "nothing", "a list", "silence"],
)
def test_what_is_not_its_like_gets_nothing_and_it_goes(message: bytes, root: Path) -> None:
    was = the(root)
    assert answers(root, message or b"\n") == b""
    wait_until(lambda: gone(root, was))


PRETENDER = """
import socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[1])
line.sendall(sys.stdin.buffer.read())
sys.stdout.buffer.write(b"".join(iter(lambda: line.recv(4096), b"")))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel about the caller")
@pytest.mark.parametrize("under", [[], ["setpriv", "--no-new-privs"]], ids=["what it says", "something less"])
def test_who_says_that_it_is_its_like_must_be(under: list[str], root: Path) -> None:
    """One that is confined would be given a process that is not."""
    was = the(root)
    order = {**EMPTY, "kin": kin(), "environment": dict(os.environ), "directory": str(root)}
    told = subprocess.run(
        [*under, sys.executable, "-c", PRETENDER, spare.directory(root) / call.SOCKET],
        input=json.dumps(order).encode() + b"\n",
        capture_output=True,
        check=True,
    )
    assert told.stdout == (b"" if under else b"{}\n")
    wait_until(lambda: gone(root, was))


def test_why_somebody_is_not_its_like_is_in_its_log(root: Path) -> None:
    was, ours = the(root), kin()
    theirs = [entry for entry in ours if not entry.startswith("priority")]
    assert answers(root, json.dumps({**EMPTY, "kin": theirs}).encode() + b"\n") == b""
    wait_until(lambda: gone(root, was))
    (different,) = set(ours) - set(theirs)
    said = (spare.directory(root) / "standby.log").read_text().strip()
    assert said.endswith(f"the caller is of another kind: it has not our {different}")


def test_what_cannot_be_started_is_left_to_the_caller(root: Path) -> None:
    """There is no engine: the caller starts by itself, and says so."""
    was = the(root)
    order = {**EMPTY, "kin": kin(), "environment": dict(os.environ), "directory": str(root)}
    assert answers(root, json.dumps(order).encode() + b"\n") == b"{}\n"
    wait_until(lambda: gone(root, was))
    assert "no Docker Engine" in (spare.directory(root) / "standby.log").read_text()
    assert not list((root / "run").glob("*")) if (root / "run").exists() else True


def test_a_call_of_many_pieces_is_understood(root: Path) -> None:
    environment = {**os.environ, "LARGE": "x" * 500_000}
    order = {**EMPTY, "kin": kin(), "environment": environment, "directory": str(root)}
    assert answers(root, json.dumps(order).encode() + b"\n") == b"{}\n"


def test_a_line_that_is_not_understood_is_left_to_the_caller(root: Path) -> None:
    was = the(root)
    order = {**EMPTY, "kin": kin(), "environment": dict(os.environ), "arguments": ["run", "--no-such-option"]}
    assert answers(root, json.dumps(order).encode() + b"\n") == b"{}\n"
    wait_until(lambda: gone(root, was))


def test_it_waits_in_a_private_directory(root: Path) -> None:
    assert spare.directory(root).stat().st_mode & 0o777 == 0o700
    assert (spare.directory(root) / call.SOCKET).stat().st_mode & 0o777 == 0o600
    assert paths.home() == root


def test_whoever_names_no_directory_is_its_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """As most people do, while the one who left it was told which it is."""
    with tempfile.TemporaryDirectory(prefix="ic-") as home:
        monkeypatch.setenv("HOME", home)
        monkeypatch.delenv("IRONCURTAIN_HOME", raising=False)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{home}/no-engine.sock")
        root = paths.private_directory(paths.home())
        spare.leave(root, 0)
        wait_until(lambda: spare.waiting(root))
        order = {**EMPTY, "kin": kin(), "environment": dict(os.environ)}
        assert answers(root, json.dumps(order).encode() + b"\n") == b"{}\n", (
            "it is taken, and fails for want of an engine"
        )
        wait_until(lambda: spare.present(root) is None)
