"""Entry point of the supervisor process: reads a LaunchRequest from standard input, answers it, and runs it.

It is started before there is a request, and loads its libraries meanwhile. Without one it ends.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import threading
import time
from functools import partial

import msgspec

from ironcurtain_tui.confinement import keep_memory_private
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.assembly import load_gateway, load_proxy
from ironcurtain_tui.supervisor.request import Answer, LaunchRequest
from ironcurtain_tui.supervisor.session import Session

log = logging.getLogger(__name__)

SWITCH_SECONDS = 0.0005
"""How long a thread waits for another that computes: by default 5 ms at every turn, while libraries are loading."""


async def _run(request: LaunchRequest, channel: int) -> None:
    """The whole session. Whoever started us reads at the other end of ``channel``."""
    try:
        session = Session.for_request(request)
        _log_to(SessionPaths.of(request.session_id))
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, session.request_stop, f"signal {number.name}")
        await session.run(listening=partial(_answer, channel, Answer()))
        await asyncio.to_thread(_clear_out, request)
    except UserFacingError as error:
        _answer(channel, Answer(error.message, error.remedy))


def _answer(channel: int, answer: Answer) -> None:
    try:
        os.write(channel, msgspec.json.encode(answer))
    except BrokenPipeError:
        pass  # nobody waits for it any more
    finally:
        os.close(channel)


def _load_libraries() -> None:
    """In this order: an agent shows itself without tools, but not without its provider."""
    gc.disable()  # nothing of what is loaded is ever let go of
    try:
        load_proxy()
        load_gateway()
    finally:
        gc.freeze()
        gc.enable()


def main() -> None:
    """Run one session until it ends. Survives the terminal it was started from."""
    keep_memory_private()
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(SWITCH_SECONDS)
    threading.Thread(target=_load_libraries, name="libraries", daemon=True).start()
    told = sys.stdin.buffer.read()
    if not told:
        return
    request = msgspec.json.decode(told, type=LaunchRequest)
    asyncio.run(_run(request, os.dup(1)))


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
    session.create()
    log = os.open(session.supervisor_log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


if __name__ == "__main__":
    main()
