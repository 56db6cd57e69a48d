"""The process a session lives in, from its libraries to its last line in the log."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ironcurtain_tui.confinement import keep_memory_private
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.assembly import load_gateway, load_proxy
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.session import Session

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""How long a thread waits for another that computes: by default 5 ms at every turn, while libraries are loading."""


def settle() -> None:
    """Make this process one that may hold keys and survives the terminal it was started from."""
    keep_memory_private()
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)


def load_libraries() -> None:
    """In this order: an agent shows itself without tools, but not without its provider."""
    gc.disable()  # nothing of what is loaded is ever let go of
    try:
        load_proxy()
        load_gateway()
    finally:
        gc.freeze()
        gc.enable()


async def host(request: LaunchRequest, listening: Callable[[], bool], groundwork: Groundwork | None = None) -> None:
    """Run the session until it ends.

    ``groundwork`` was laid for a session with its id; whoever laid it clears it. ``listening`` is called as soon as
    viewers can connect; it says whether anybody still wants that. UserFacingError when it does not come so far.
    """
    session = Session.for_request(request, groundwork)
    session_paths = SessionPaths.of(request.session_id)
    session_paths.create()
    log_to(session_paths.supervisor_log)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, session.request_stop, f"signal {number.name}")

    def tell() -> None:
        if not listening():
            session.request_stop("whoever asked for it had gone")

    await session.run(listening=tell)
    await asyncio.to_thread(_clear_out, request)


def _clear_out(request: LaunchRequest) -> None:
    """Let go of old sessions, where the settings want that. What stands in the way is for the log only."""
    from ironcurtain_tui.audit.directory import AuditDirectory
    from ironcurtain_tui.audit.retention import carry_out

    try:
        for line in carry_out(AuditDirectory(), request.config.retention, time.time_ns() // 1000):
            log.info("retention: %s", line)
    except (UserFacingError, OSError) as error:
        log.warning("retention: %s", error)


def log_to(file: Path) -> None:
    """Send what is printed from now on to ``file``, in a directory of ours."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
