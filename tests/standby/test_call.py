"""A command calls the spare before anything else, and tells its environment to nobody else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ironcurtain_tui.standby import call


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Somebody who waits where the spare does."""
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    where = Path(call.directory(str(tmp_path)))
    where.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(where)  # a short path, however long that of the test is
        listening.bind(call.SOCKET)
        listening.listen(1)
        listening.settimeout(10)
        yield listening


def order(listener: socket.socket) -> dict[str, object]:
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as file:
        told: dict[str, object] = json.loads(file.readline())
        return told


@contextmanager
def replied(listener: socket.socket, answer: bytes) -> Iterator[None]:
    """Whoever calls meanwhile gets ``answer``."""

    def reply() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.makefile("rb").readline()
            connection.sendall(answer)

    replying = threading.Thread(target=reply)
    replying.start()
    yield
    replying.join()


def test_it_says_what_is_wanted_where_and_by_whom(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-nobody")
    placed = call.place(["--detach", "--agent", "shell"])
    assert placed is not None
    told = order(listener)
    assert told["arguments"] == ["run", "--detach", "--agent", "shell"]
    assert told["directory"] == str(Path.cwd())
    environment = told["environment"]
    assert isinstance(environment, dict)
    assert environment == dict(os.environ)
    assert placed.answer() is None, "it hung up"


def test_an_environment_that_is_no_unicode_arrives(listener: socket.socket) -> None:
    os.environb[b"ODD"] = b"\xff\xfe"
    try:
        assert call.place(["run", "--detach"]) is not None
        environment = order(listener)["environment"]
        assert isinstance(environment, dict)
        assert os.fsencode(environment["ODD"]) == b"\xff\xfe"
    finally:
        del os.environb[b"ODD"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["sessions"],
        ["task", "-"],
        ["task", "--result"],
        ["--help"],
        ["--version"],
        ["run", "--help"],
        ["standby"],
        ["run"],
        [],
    ],
    ids=" ".join,
)
def test_only_a_start_is_called_for(arguments: list[str], listener: socket.socket) -> None:
    """The last two want a terminal, and there is none here."""
    assert call.place(arguments) is None
    listener.settimeout(0)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_task_needs_no_terminal(listener: socket.socket) -> None:
    placed = call.place(["task", "do it"])
    assert placed is not None
    assert order(listener)["arguments"] == ["task", "do it"]
    placed.hang_up()


def test_where_others_may_write_nobody_is_called(listener: socket.socket) -> None:
    where = Path.cwd()
    where.chmod(0o770)
    assert call.place(["run", "--detach"]) is None
    where.chmod(0o700)
    assert call.place(["run", "--detach"]) is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a directory away")
def test_where_another_user_may_wait_nobody_is_called(listener: socket.socket) -> None:
    os.chown(Path.cwd(), 12345, -1)
    assert call.place(["run", "--detach"]) is None


def test_a_link_is_not_followed(listener: socket.socket, tmp_path: Path) -> None:
    real = Path.cwd()
    real.rename(tmp_path / "elsewhere")
    real.symlink_to(tmp_path / "elsewhere")
    assert call.place(["run", "--detach"]) is None


def test_without_a_spare_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "none"))
    assert call.place(["run", "--detach"]) is None
    assert not (tmp_path / "none").exists()


def test_one_that_is_stopped_is_not_waited_for(listener: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call, "TAKE_SECONDS", 0.2)
    placed = call.place(["run", "--detach"])
    assert placed is not None
    assert placed.answer() is None
    connection, _ = listener.accept()
    with connection, pytest.raises(BrokenPipeError):
        connection.sendall(b"{}\n")


@pytest.mark.parametrize("answer", [b"", b"{}\n", b"{}\nnot json\n", b"nonsense\n", b'{}\n{"session": '], ids=repr)
def test_an_answer_that_is_none_is_none(answer: bytes, listener: socket.socket) -> None:
    placed = call.place(["run", "--detach"])
    assert placed is not None
    with replied(listener, answer):
        assert placed.answer() is None


def test_the_answer(listener: socket.socket) -> None:
    placed = call.place(["run", "--detach"])
    assert placed is not None
    with replied(listener, b'{}\n{"session": "0123456789ab", "said": "hello\\n"}\n'):
        assert placed.answer() == {"session": "0123456789ab", "said": "hello\n"}


def test_it_imports_next_to_nothing() -> None:
    """Else every command would wait for that before the spare hears of it."""
    script = "import sys; before = set(sys.modules); import ironcurtain_tui.standby.call; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    assert [name for name in loaded if name.startswith("ironcurtain_tui")] == [
        "ironcurtain_tui",
        "ironcurtain_tui.standby",
        "ironcurtain_tui.standby.kin",
        "ironcurtain_tui.standby.call",
    ]
    assert not {"pathlib", "asyncio", "msgspec", "dataclasses", "argparse", "docker"} & set(loaded)
