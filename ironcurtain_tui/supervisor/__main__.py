"""Entry point of the supervisor process: reads a LaunchRequest from standard input and runs it.

It is started before there is a request, and loads its libraries meanwhile. Without one it ends.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time

import msgspec

from ironcurtain_tui.confinement import keep_memory_private
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.assembly import load_doors
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.session import Session

log = logging.getLogger(__name__)


async def _run(request: LaunchRequest) -> None:
    session = Session.for_request(request)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, session.request_stop, f"signal {number.name}")
    await session.run()


def main() -> None:
    """Run one session until it ends. Survives the terminal it was started from."""
    keep_memory_private()
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    threading.Thread(target=load_doors, name="libraries", daemon=True).start()
    told = sys.stdin.buffer.read()
    if not told:
        return
    request = msgspec.json.decode(told, type=LaunchRequest)
    _log_to(SessionPaths.of(request.session_id))
    asyncio.run(_run(request))
    _clear_out(request)


def _clear_out(request: LaunchRequest) -> None:
    """Let go of old sessions, where the settings want that. What stands in the way is for the log only."""
    from ironcurtain_tui.audit.directory import AuditDirectory
    from ironcurtain_tui.audit.retention import carry_out

    try:
        for line in carry_out(AuditDirectory(), request.config.retention, time.time_ns() // 1000):
            log.info("retention: %s", line)
    except (UserFacingError, OSError) as error:
        log.warning("retention: %s", error)


def _log_to(session: SessionPaths) -> None:
    """Send what is printed from now on to the session's log."""
    log = os.open(session.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


if __name__ == "__main__":
    main()
