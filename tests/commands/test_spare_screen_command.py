"""The spare screen leaves a terminal alone until its process says that it attends."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import termios
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.guard import ATTENDED
from ironcurtain_tui.supervisor.spare_screen import SpareScreen
from tests.waiting import PATIENCE, wait_until

SAID = "what there was to say"


class Shown:
    """A spare screen that has been given a terminal, whose process is the test."""

    def __init__(self, home: Path) -> None:
        self.terminal, theirs = pty.openpty()
        self.line, to_screen = socket.socketpair()
        self.line.settimeout(PATIENCE)
        self.view = SpareScreen()
        self.view.wait()
        order = {
            "session": "0123456789ab",
            "said": SAID,
            "environment": {**os.environ, "IRONCURTAIN_HOME": str(home), "TERM": "xterm-256color"},
            "directory": "/",
        }
        assert self.view.show(order, (theirs, theirs, theirs), to_screen.fileno())
        to_screen.close()
        os.close(theirs)

    def drawn(self) -> bytes:
        """What is on the terminal that has not been looked at."""
        seen = b""
        while select.select([self.terminal], [], [], 0)[0]:
            try:
                seen += os.read(self.terminal, 65536)
            except OSError:  # nobody has it open any more
                break
        return seen

    def mode(self) -> list[Any]:
        return termios.tcgetattr(self.terminal)

    def has_let_go(self) -> bool:
        """Whether no process has the terminal any more."""
        poller = select.poll()
        poller.register(self.terminal, select.POLLHUP)
        return any(event & select.POLLHUP for _, event in poller.poll(0))

    def close(self) -> None:
        for end in (self.line, self.view):
            end.close()
        with suppress(OSError):
            os.close(self.terminal)


@pytest.fixture
def shown(tmp_path: Path) -> Iterator[Shown]:
    (tmp_path / "sessions" / "0123456789ab").mkdir(parents=True)
    made = Shown(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("told", [b"", bytes([signal.SIGWINCH])], ids=["nothing", "something else"])
def test_whoever_does_not_attend_keeps_the_terminal_as_it_was(told: bytes, shown: Shown) -> None:
    before = shown.mode()
    shown.line.send(told)
    shown.line.shutdown(socket.SHUT_WR)
    wait_until(shown.has_let_go)
    assert shown.drawn() == b""
    assert shown.mode() == before


def test_it_begins_when_it_is_attended(shown: Shown) -> None:
    """There is no such session: it says so, once it has the terminal."""
    assert shown.drawn() == b""
    shown.line.send(ATTENDED)
    seen = bytearray()
    wait_until(lambda: seen.extend(shown.drawn()) or shown.has_let_go())
    assert SAID.encode() in seen + shown.drawn()
    assert shown.line.recv(1) == b"\1"
