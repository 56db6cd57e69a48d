"""How a session or our view of it ends, in words for the banner and for the shell after the app has closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionStatus


@dataclass(frozen=True)
class Departure:
    """What the command line prints after the full screen has closed, and the exit code to leave with."""

    message: str
    exit_code: int = 0


@dataclass(frozen=True)
class Ending:
    """Why nobody is there to type to any more."""

    what: str
    remedy: str
    alarm: bool
    """It was not meant to end like this."""
    failed: bool = False
    """It never began."""

    @property
    def status(self) -> SessionStatus:
        """What the header says from now on."""
        return SessionStatus.LOST if self.alarm else SessionStatus.ENDED

    def departure(self) -> Departure:
        return Departure(f"{self.what}\n{self.remedy}", 1 if self.alarm or self.failed else 0)


def detached(session_id: str) -> Departure:
    """The app was closed on purpose; the session goes on."""
    return Departure(
        f"The agent keeps running in session {session_id}.\nAttach again: ironcurtain-tui attach {session_id}"
    )


def together(departures: Sequence[Departure]) -> Departure:
    """All of them as one."""
    said = dict.fromkeys(one.message for one in departures if one.message)
    return Departure("\n".join(said), max((one.exit_code for one in departures), default=0))


def stopped(session_id: str) -> Departure:
    """The person ended the session."""
    return Departure(f"Session {session_id} is stopped; its container is gone. Its audit log is kept.")


def refused(error: UserFacingError) -> Departure:
    """There was no session to show."""
    return Departure(str(error), 1)


def crashed(log_path: str) -> Departure:
    """The app failed. The session does not notice."""
    where = f" What went wrong is in {log_path}." if log_path else ""
    return Departure(f"The screen failed; the agent is not affected and keeps running.{where}", 1)


def supervisor_gone() -> Ending:
    """The control connection broke without a goodbye."""
    return Ending(
        "The supervisor of this session is gone. The agent is cut off: both its doors closed with it (fail closed).",
        "Close with q. The next start removes what is left, and so does `ironcurtain-tui gc`.",
        alarm=True,
    )


def goodbye(reason: str, exit_code: int | None) -> Ending:
    """The supervisor said that the session is over."""
    code = "" if exit_code is None else f" The agent exited with code {exit_code}."
    what = _stopped(f"The session is over: {reason}") + code
    return Ending(what, "Close with q. The audit log is kept.", alarm=False)


def of_status(status: SessionStatus, detail: str) -> Ending | None:
    """What a status says about typing on: an Ending for lost and ended, else None."""
    because = f": {detail}" if detail else ""
    if status is SessionStatus.LOST:
        return Ending(
            f"The agent is lost{because}. Both its doors are closed.",
            "Close with q. Check the engine with `ironcurtain-tui doctor`.",
            alarm=True,
        )
    if status is SessionStatus.ENDED:
        return Ending(_stopped(f"The agent has ended{because}"), "Close with q. The audit log is kept.", alarm=False)
    return None


def not_started(reason: str, remedy: str) -> Ending:
    """The session ended before its agent ran."""
    return Ending(
        _stopped(f"The session did not start: {reason}"), f"{remedy} Close with q.".strip(), False, failed=True
    )


def _stopped(sentence: str) -> str:
    """With one full stop."""
    return f"{sentence.rstrip('.')}."
