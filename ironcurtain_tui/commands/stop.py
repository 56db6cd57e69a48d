"""`ironcurtain-tui stop`: ask a supervisor to end its session, and see that it has."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress

from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import StopSession
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry

STOP_SECONDS = 45.0


async def stop(session: SessionPaths) -> None:
    """Return when nothing is left of ``session`` but its records.

    UserFacingError when something is, when its supervisor died before that, or has not come so far within 45 s.
    """
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await _tell(session)
            while session.run.exists():
                lease = registry.read_lease(session)
                if lease is not None and not lease.owner.alive() and session.run.exists():
                    raise UserFacingError(
                        f"The supervisor of session {session.session_id} ended before it had removed everything.",
                        f"`ironcurtain-tui gc` removes the rest. Its log: {session.supervisor_log}",
                    )
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise UserFacingError(
            f"Session {session.session_id} has not ended after {STOP_SECONDS:.0f} s.",
            f"Look at {session.supervisor_log}; `ironcurtain-tui gc` removes what a dead supervisor left.",
        ) from None
    record = registry.read_record(session)
    if record is not None and record.left:
        raise UserFacingError(
            f"Session {session.session_id} stopped, but could not end: {', '.join(record.left)}.",
            "`ironcurtain-tui gc` removes that a minute from now, when the Docker Engine can be used.",
        )


async def _tell(session: SessionPaths) -> None:
    """Until it says goodbye or goes. Of another version it does not understand us, but knows the signal."""
    try:
        client = await ControlClient.connect(session.control_socket, decides=False)
    except UserFacingError:
        lease = registry.read_lease(session)
        if lease is None or not lease.owner.alive():
            return
        os.kill(lease.owner.pid, signal.SIGTERM)
        return
    client.send(StopSession())
    try:
        with suppress(ConnectionError):  # it was faster than its goodbye
            async for _ in client:
                pass
    finally:
        await client.close()
