"""Asking the spare to start a session, if there is one. The first thing a command does: imports next to nothing.

One line of JSON each way, and one more. The command says what it is like (``kin.py``), what it was asked for and its
environment, with the keys in it: the socket is the person's own, as is its directory, or nothing is sent. With it goes
its terminal, as descriptors (unix(7), SCM_RIGHTS). The spare says that it will (or closes), then which session it is
that can be talked to (or that there is none, and why; or closes: the command is to try by itself), and whether a screen
of the spare's has that terminal now. If so, the line is between the command and that screen from then on
(``guard.attend``).
"""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Mapping, Sequence
from typing import Any

from ironcurtain_tui.standby.kin import kin, state_directory

SOCKET = "call.sock"
TAKE_SECONDS = 10.0
"""Until the spare says that it will: one that does not may be stopped, and does not start anything later either."""
START_SECONDS = 60.0
"""Commands that give keys may be waiting for a person."""
NO_TERMINAL = (80, 24)
STARTS = frozenset({"run", "task"})
NO_START = frozenset({"-h", "--help", "--version"})
"""With one of these nothing is started."""
OWN = frozenset({"--result", "-"})
"""With one of these a task is started by nobody, or by who can read the caller's standard input."""
CHUNK = 1 << 16
LARGEST = 1 << 22
"""Bytes of a message; an environment may be large."""


def directory(home: str) -> str:
    """Where the spare of the state directory ``home`` waits."""
    return os.path.join(home, "standby")


def with_command(arguments: Sequence[str]) -> list[str]:
    """``arguments`` with the command that they mean: without one it is ``run``."""
    given = list(arguments)
    if not given or (given[0].startswith("-") and given[0] not in NO_START):
        given.insert(0, "run")
    return given


def send(line: socket.socket, message: Mapping[str, object], descriptors: Sequence[int] = ()) -> None:
    """Send one message, with ``descriptors``, which stay the caller's to close; OSError when nobody listens."""
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(line, [data], descriptors) if descriptors else 0
    if sent < len(data):  # who has all of it may have closed already, and to be sent nothing would fail
        line.sendall(data[sent:])


def receive(line: socket.socket, descriptors: int) -> tuple[bytes, list[int]]:
    """One message as it was sent, and at most so many descriptors; nothing when the other side has closed.

    What ends early, or is larger than any message, is cut off: it cannot be read as one. OSError as for any socket.
    """
    data, received, _, _ = socket.recv_fds(line, CHUNK, descriptors)
    while data and not data.endswith(b"\n") and len(data) < LARGEST:
        data += line.recv(CHUNK) or b"\n"
    for descriptor in received:
        os.set_inheritable(descriptor, False)
    return data, received


def place(arguments: Sequence[str]) -> Call | None:
    """Have the spare start what ``arguments`` ask for; None when there is none, or it is no start of a session.

    A terminal must be there for the screen, where one is wanted.
    """
    asked = with_command(arguments)
    if asked[0] not in STARTS or (NO_START | OWN) & set(asked):
        return None
    looks = asked[0] == "run" and "--detach" not in asked
    if looks and not (os.isatty(0) and os.isatty(1)):
        return None
    where = directory(state_directory())
    if not _ours(where):
        return None
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(TAKE_SECONDS)
    try:
        line.connect(os.path.join(where, SOCKET))
        terminal = (0, 1, 2) if looks and os.isatty(2) else ()
        columns, lines = os.get_terminal_size(1) if os.isatty(1) else NO_TERMINAL
        send(
            line,
            {
                "kin": kin(),
                "arguments": asked,
                "environment": dict(os.environ),
                "directory": os.getcwd(),
                "columns": columns,
                "lines": lines,
            },
            terminal,
        )
    except OSError:
        line.close()
        return None
    return Call(line)


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
        self.line = line
        """To the spare; later to the screen that it has opened, if it has."""
        self._file = line.makefile("rb", buffering=0)

    def answer(self) -> dict[str, Any] | None:
        """What became of it; None: it was not started, and the call is over. Blocks until the session can be talked to.

        The session's id under ``session``, what the start had to say under ``said``, whether there is a screen under
        ``screen``; or, for a person, why there is no session under ``refusal``, with what to do about it as ``remedy``.
        """
        if self._heard() is not None:  # that it will
            self.line.settimeout(START_SECONDS)
            if (answer := self._heard()) is not None:
                self.line.settimeout(None)
                return answer
        self.hang_up()
        return None

    def hang_up(self) -> None:
        """Idempotent."""
        self._file.close()
        self.line.close()

    def _heard(self) -> dict[str, Any] | None:
        try:
            heard: dict[str, Any] = json.loads(self._file.readline())
        except (OSError, ValueError):
            return None
        return heard
