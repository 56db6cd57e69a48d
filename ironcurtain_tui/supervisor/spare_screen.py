"""A screen that is loaded and waits for a terminal to be shown on."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from ironcurtain_tui.standby.call import receive, send
from ironcurtain_tui.standby.kin import inherited

log = logging.getLogger(__name__)

LOAD_SECONDS = 30.0


class SpareScreen:
    """Whoever makes one closes it; once it is shown on a terminal, it is that terminal's."""

    def __init__(self) -> None:
        """Start it; OSError when that is impossible. The process is nobody's child, and ends when we let go of it."""
        self.pid: int | None = None
        """Its process id, once it is loaded."""
        self._channel, theirs = socket.socketpair()
        with theirs:
            subprocess.run(
                [sys.executable, "-m", "ironcurtain_tui.commands.spare_screen"],
                env=inherited(),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # until it has a terminal, its errors are told where ours are
                start_new_session=True,
                cwd="/",
                check=False,
            )

    def wait(self) -> None:
        """Block until it is loaded; at most 30 s, or until it is not there any more."""
        with suppress(OSError, ValueError):
            self._channel.settimeout(LOAD_SECONDS)
            self.pid = json.loads(receive(self._channel, 0)[0])["pid"]

    def show(self, order: Mapping[str, object], terminal: Sequence[int], line: int) -> bool:
        """Have it do ``order`` (``commands/spare_screen.py``) on ``terminal``; False when it is not there any more.

        ``terminal``: input, output and errors. ``line``: to the process of that terminal, see ``guard.attend``. All
        stay the caller's to close.
        """
        try:
            send(self._channel, order, [*terminal, line])
        except OSError as error:
            log.warning("the spare screen is not there: %s", error)
            return False
        return True

    def close(self) -> None:
        """Let go of it. Idempotent."""
        self._channel.close()
