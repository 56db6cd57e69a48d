"""Starting a supervisor that outlives its starter."""

from __future__ import annotations

import subprocess
import sys
import time

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.request import LaunchRequest

START_SECONDS = 20.0


def spawn(request: LaunchRequest) -> SessionPaths:
    """Start a supervisor for ``request`` in a session of its own and wait until it can be talked to.

    It keeps running when this process, its terminal or its login end. UserFacingError with the end of
    its log when it dies first or takes longer than 20 s.
    """
    session = SessionPaths.of(request.session_id)
    session.create()
    with session.supervisor_log.open("ab") as log:
        session.supervisor_log.chmod(0o600)
        process = subprocess.Popen(
            [sys.executable, "-m", "ironcurtain_tui.supervisor"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd="/",
        )
    if process.stdin is None:
        raise AssertionError("a pipe was asked for")
    with process.stdin as pipe:
        pipe.write(msgspec.json.encode(request))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if session.control_socket.exists():
            return session
        if process.poll() is not None:
            break
        time.sleep(0.01)
    process.kill()
    tail = session.supervisor_log.read_text("utf-8", "replace").strip().splitlines()[-8:]
    raise UserFacingError(
        "The session's supervisor did not start.\n" + "\n".join(f"  {line}" for line in tail),
        f"The whole log is in {session.supervisor_log}.",
    )
