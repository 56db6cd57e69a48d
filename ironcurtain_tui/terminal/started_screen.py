"""A screen process that has been started and is nobody's yet: it may get ready before its size is known."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import ironcurtain_tui

USUAL_SIZE = (200, 50)
"""The cores keep as much history as was right for the size they began with."""
END_LIMIT = 0.5
"""Seconds it may take to end once its socket is closed, before it is killed."""
_START = """
import sys
sys.modules["typing_extensions"] = None  # msgspec does without where there is none, and that takes 12 ms less
from ironcurtain_tui.terminal.screen_process import main
main()
"""


class StartedScreen:
    """Whoever makes one closes it, unless a ``ScreenProcess`` has taken it over. Needs no event loop."""

    def __init__(self, size: tuple[int, int] = USUAL_SIZE, core: str = "ghostty") -> None:
        """Start it; OSError when that fails. It inherits nothing but its end of ``socket``."""
        self.socket, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-sP", "-c", _START, "{}x{}".format(*size), core],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=clean_environment(),
                start_new_session=True,
            )
        except BaseException:
            self.socket.close()
            raise
        finally:
            theirs.close()
        self._taken = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def take(self) -> bool:
        """Make it the caller's, who ends it with ``ended``; False when it is not there any more."""
        if self._taken or self._process.poll() is not None:
            return False
        self._taken = True
        return True

    def close(self) -> None:
        """End it if nobody has taken it. Safe to call twice."""
        if not self._taken:
            self.socket.close()
            self._wait()

    async def ended(self) -> int:
        """Its exit status, once it has ended because its socket was closed, or because it did not end then."""
        return await asyncio.to_thread(self._wait)

    def _wait(self) -> int:
        try:
            return self._process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def clean_environment() -> dict[str, str]:
    """Nothing of ours but where the code lies."""
    return {"PYTHONPATH": str(Path(ironcurtain_tui.__file__).parent.parent), "LC_ALL": "C.UTF-8"}
