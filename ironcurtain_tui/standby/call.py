"""Asking the spare to start a session, if there is one. The first thing a command does: imports next to nothing.

One line of JSON each way, and one more. The command says what it is like (``kin.py``), what it was asked for and its
environment, with the keys in it: the socket is the person's own, as is its directory, or nothing is sent. The spare
says that it will (or closes), and then which session it is that can be talked to (or nothing: it could not).
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Sequence
from typing import Any

from ironcurtain_tui.standby.kin import kin, state_directory

SOCKET = "call.sock"
TAKE_SECONDS = 2.0
"""Until the spare says that it will: one that does not may be stopped, and does not start anything later either."""
START_SECONDS = 60.0
"""Commands that give keys may be waiting for a person."""
NO_TERMINAL = (80, 24)


def directory(home: str) -> str:
    """Where the spare of the state directory ``home`` waits."""
    return os.path.join(home, "standby")


def place(arguments: Sequence[str]) -> Call | None:
    """Have the spare start what ``arguments`` ask for; None when there is none, or it is no start of a session.

    A terminal must be there for the screen, unless none is wanted.
    """
    asked = list(arguments) or ["run"]
    if asked[0].startswith("-"):
        asked.insert(0, "run")
    if asked[0] != "run" or {"-h", "--help", "--version"} & set(asked):
        return None
    if "--detach" not in asked and not (os.isatty(0) and os.isatty(1)):
        return None
    where = directory(state_directory())
    if not _ours(where):
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(TAKE_SECONDS)
    try:
        line.connect(os.path.join(where, SOCKET))
        call = Call(line)
        columns, lines = os.get_terminal_size(1) if os.isatty(1) else NO_TERMINAL
        call.say(
            {
                "kin": kin(),
                "arguments": asked,
                "environment": dict(os.environ),
                "directory": os.getcwd(),
                "columns": columns,
                "lines": lines,
            }
        )
    except OSError:
        line.close()
        return None
    return call


def _ours(where: str) -> bool:
    """Whether nobody else can have put a socket into the directory ``where``."""
    try:
        status = os.lstat(where)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


class Call:
    """A session that is being started by the spare for us. Whoever hangs up before the answer calls it off."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._file = line.makefile("rb")

    def say(self, message: dict[str, Any]) -> None:
        """Send one message; OSError when nobody listens."""
        self._line.sendall(json.dumps(message).encode() + b"\n")

    def answer(self) -> dict[str, str] | None:
        """The session's id under ``session``, what the start had to say under ``said``; None: it was not started.

        Blocks until viewers can connect to the session.
        """
        try:
            if self._heard() is None:
                return None
            self._line.settimeout(START_SECONDS)
            return self._heard()
        finally:
            self.hang_up()

    def hang_up(self) -> None:
        """Idempotent."""
        self._file.close()
        self._line.close()

    def _heard(self) -> dict[str, str] | None:
        try:
            heard: dict[str, str] = json.loads(self._file.readline())
        except (OSError, ValueError):
            return None
        return heard
