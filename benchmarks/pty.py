"""A program in a terminal of its own, driven and read from here."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ptyprocess import PtyProcess

from ironcurtain_tui.terminal.cores import make_core

COLS, LINES = 200, 50
SECONDS = 60.0
"""Longest wait for anything."""


class Program:
    """One program in a pseudo-terminal."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in {"TMUX", "COLUMNS", "LINES"}}
        settings = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self._process = PtyProcess.spawn(
            list(command), env={**kept, **settings, **environment}, dimensions=(LINES, COLS)
        )
        self.pid: int = self._process.pid
        self._tail = b""

    def write(self, text: str) -> None:
        """Type ``text``."""
        os.write(self._process.fd, text.encode())

    def read_until(self, mark: str) -> None:
        """Read the output up to ``mark``; TimeoutError with the last output when it does not come."""
        wanted, deadline = mark.encode(), time.monotonic() + SECONDS
        while (at := self._tail.find(wanted)) < 0:
            if not self._wait(deadline - time.monotonic()):
                raise TimeoutError(f"{mark!r} did not come; the last output was {self._tail[-400:]!r}")
            try:
                self._tail = self._tail[-4096:] + os.read(self._process.fd, 1 << 16)
            except OSError as error:
                raise RuntimeError(f"the program ended; the last output was {self._tail[-400:]!r}") from error
        self._tail = self._tail[at + len(wanted) :]

    def show(self, mark: str) -> None:
        """Read until ``mark`` stands in a row of the terminal's screen, however it came there; TimeoutError else."""
        screen, deadline = make_core(COLS, LINES), time.monotonic() + SECONDS
        try:
            screen.feed(self._tail)
            while not any(mark in "".join(run.text for run in row) for _, row in screen.changed_rows()):
                if not self._wait(deadline - time.monotonic()):
                    raise TimeoutError(f"{mark!r} did not come up on the screen")
                screen.feed(os.read(self._process.fd, 1 << 16))
        finally:
            screen.close()

    def settle(self, quiet: float = 0.3) -> None:
        """Read until nothing has come for ``quiet`` seconds; nothing read so far counts any more."""
        while self._wait(quiet):
            os.read(self._process.fd, 1 << 16)
        self._tail = b""

    def watch(self, seconds: float) -> None:
        """Go on reading for so long, as a terminal does."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if self._wait(left):
                os.read(self._process.fd, 1 << 16)

    def _wait(self, seconds: float) -> bool:
        return bool(select.select([self._process.fd], [], [], max(0.0, seconds))[0])

    def close(self) -> None:
        """End it."""
        self._process.close(force=True)


@contextmanager
def program(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[Program]:
    """``command`` in a terminal, ended on leaving."""
    started = Program(command, environment or {})
    try:
        yield started
    finally:
        started.close()


@contextmanager
def tmux(command: str) -> Iterator[tuple[Program, int]]:
    """``command`` in tmux with one attached client: the client, and the server's process id."""
    binary = shutil.which("tmux")
    if binary is None:
        raise RuntimeError("tmux is needed for comparison and not installed")
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as directory:
        base = [binary, "-u", "-f", "/dev/null", "-S", str(Path(directory, "tmux.sock"))]
        with program([*base, "new-session", command, ";", "set", "status", "off"]) as client:
            client.settle()
            try:
                asked = [*base, "display-message", "-p", "#{pid}"]
                yield client, int(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
            finally:
                subprocess.run([*base, "kill-server"], check=False, capture_output=True)
