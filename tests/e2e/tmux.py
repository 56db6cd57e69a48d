"""A real terminal for tests: tmux on a socket of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

PATIENCE = 180.0
"""Seconds any single wait may take: a loaded machine needs a hundred times what a quiet one does."""


class Tmux:
    """One tmux server with one window. ``close`` ends it and everything in it."""

    def __init__(self, directory: Path, cols: int = 200, lines: int = 50) -> None:
        self._socket = directory / "tmux.sock"
        self._size = (cols, lines)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), "-f", "/dev/null", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def run(self, command: list[str], environment: Mapping[str, str], directory: Path) -> None:
        """Run ``command`` in a shell that stays afterwards and says ``EXIT <code>``."""
        cols, lines = self._size
        assignments = " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items())
        unset = "-u ANTHROPIC_API_KEY -u COLUMNS -u LINES"
        line = f"cd {shlex.quote(str(directory))} && env {unset} {assignments} {shlex.join(command)}"
        script = directory.parent / "in-tmux.sh"
        script.write_text(f'{line}\necho "EXIT $?"\nexec sh -i\n')
        self._tmux("new-session", "-d", "-x", str(cols), "-y", str(lines), f"sh {shlex.quote(str(script))}")

    def type(self, text: str) -> None:
        """Type characters as they are."""
        self._tmux("send-keys", "-l", text)

    def press(self, *keys: str) -> None:
        """Press keys by tmux's names (``Enter``, ``C-a``, ``F2``)."""
        for key in keys:
            self._tmux("send-keys", key)

    def submit(self, text: str) -> None:
        """Type a line and, once it is on the screen, Enter: as one burst an editor takes it for a paste."""
        end = text[-15:]
        before = self.screen().count(end)
        self.type(text)
        self.wait_for(re.escape(end))
        # Once more than before, unless what stood there has just been scrolled away.
        deadline = time.monotonic() + 5
        while before and self.screen().count(end) <= before and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(0.5)
        self.press("Enter")

    def screen(self) -> str:
        """What the terminal shows now."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> str:
        """The screen as soon as ``pattern`` is on it; AssertionError with the last screen when it never is."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, screen := self.screen()):
            assert time.monotonic() < deadline, f"{pattern!r} was not on the screen within {seconds:.0f} s:\n{screen}"
            time.sleep(0.1)
        return screen

    def format(self, what: str) -> str:
        """A tmux format of the pane, e.g. ``#{pane_pid}``."""
        return self._tmux("display-message", "-p", what).strip()

    def resize(self, cols: int, lines: int) -> None:
        """Give the window another size."""
        self._tmux("resize-window", "-x", str(cols), "-y", str(lines))

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-S", str(self._socket), "kill-server"], check=False, capture_output=True, timeout=PATIENCE
        )
