"""Closing the records of a session whose supervisor was killed: its log is repaired, ended and signed."""

from __future__ import annotations

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import REPAIRED, AuditLog
from ironcurtain_tui.events import AuditLine
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions.registry import DIED
from ironcurtain_tui.terminal.recording import compress


def close_records(session: SessionPaths) -> list[str]:
    """End the log and pack the recording of a dead session; in words, what had to be repaired.

    Raises UserFacingError when the log cannot be ended: it does not verify, or cannot be written.
    """
    repaired: list[AuditLine] = []
    if session.audit_log.exists():
        notary = AuditDirectory(session.root).notary()

        def told(line: AuditLine) -> None:
            if line.kind == REPAIRED:
                repaired.append(line)

        with AuditLog.open(session.audit_log, session.session_id, notary=notary, publish=told) as log:
            log.append("session.end", DIED, data={"exit_code": None})
    if session.recording.exists():
        try:
            compress(session.recording)
        except OSError:
            pass  # it plays as it is, too
    return [f"audit log of session {session.session_id}: {line.summary}" for line in repaired]
