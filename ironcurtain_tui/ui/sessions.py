"""Sessions as the list of them shows them, and how the app gets to know them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ListedSession:
    """One session, running or past. Its texts are untrusted."""

    id: str
    agent_title: str
    workspace: str
    started: float
    """Seconds since the epoch."""
    running: bool
    socket_path: Path
    """Where its supervisor listens, if it runs."""
    outcome: str = ""
    """How it ended, in words."""
    rehearsal: bool = False
    task: bool = False
    """It does one task, without a screen."""
    resumable: bool = False
    """Its conversation can be taken up."""
    recorded: bool = False


@dataclass(frozen=True)
class SessionsRoom:
    """What the app must be given to know of other sessions: it reads no records and starts no supervisor itself."""

    listed: Callable[[], Sequence[ListedSession]]
    """All sessions, newest first. Blocks while it reads."""
    socket_of: Callable[[str], Path]
    """Where the supervisor of a session listens, by its id."""
    agents: Callable[[], Sequence[str]]
    """Names of the agents that can be started; the first is the usual one."""
    command: Sequence[str]
    """Our own command line, without arguments."""
