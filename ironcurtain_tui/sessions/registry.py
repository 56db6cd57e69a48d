"""Which sessions there are: leases of live ones under run/, records of all under sessions/."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionInfo, TaskResult
from ironcurtain_tui.paths import SESSION_ID, SessionPaths
from ironcurtain_tui.sessions.identity import Life, ProcessIdentity

UNCLAIMED_SECONDS = 60.0
"""How old a run directory without a lease must be for its owner to have died before it wrote one."""

DIED = "its supervisor died"
"""How a session ended whose supervisor did not come to say."""


class Lease(msgspec.Struct, frozen=True):
    """Who owns a session's run directory, container and sockets."""

    session: str
    owner: ProcessIdentity
    created: float


class SessionRecord(msgspec.Struct, frozen=True):
    """What is kept of a session after its end (sessions/<id>/session.json)."""

    info: SessionInfo
    ended: float | None = None
    outcome: str = ""
    """How it ended, in words."""
    exit_code: int | None = None
    task: TaskResult | None = None
    """Of a session without a screen of the agent's."""
    left: tuple[str, ...] = ()
    """What could not be ended or removed with it, as its teardown calls it: for ``gc``."""


class KnownSession(msgspec.Struct, frozen=True):
    """A session as a list shows it."""

    record: SessionRecord
    alive: bool

    @property
    def id(self) -> str:
        return self.record.info.id


def write_json(path: Path, value: msgspec.Struct) -> None:
    """Write ``value`` to ``path`` (0600) so that a reader sees the old or the new file, never a part.

    OSError, leaving the old one, when that is impossible.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def take_lease(session: SessionPaths, owner: ProcessIdentity) -> None:
    """Claim the session for ``owner``; UserFacingError when a live process holds it already."""
    held = read_lease(session)
    if held is not None and held.owner.alive():
        raise UserFacingError(f"Session {session.session_id} is run by process {held.owner.pid} already.", "")
    write_json(session.lease, Lease(session=session.session_id, owner=owner, created=time.time()))


def read_lease(session: SessionPaths) -> Lease | None:
    """The session's lease, None when there is none that can be read."""
    try:
        return msgspec.json.decode(session.lease.read_bytes(), type=Lease)
    except (OSError, msgspec.DecodeError):
        return None


def read_record(session: SessionPaths) -> SessionRecord | None:
    """What is kept of the session, None when that cannot be read."""
    try:
        return msgspec.json.decode(session.record.read_bytes(), type=SessionRecord)
    except (OSError, msgspec.DecodeError):
        return None


def close_record(
    session: SessionPaths,
    outcome: str,
    exit_code: int | None = None,
    task: TaskResult | None = None,
    left: Sequence[str] = (),
) -> None:
    """Note how the session ended, unless that is noted already. OSError when that cannot be written."""
    record = read_record(session)
    if record is not None and record.ended is None:
        ended = {"ended": time.time(), "outcome": outcome, "exit_code": exit_code, "task": task, "left": tuple(left)}
        write_json(session.record, msgspec.structs.replace(record, **ended))


def release(session: SessionPaths) -> None:
    """Remove the run directory with everything in it."""
    shutil.rmtree(session.run, ignore_errors=True)


@contextmanager
def swept(session: SessionPaths) -> Iterator[bool]:
    """Whether what the session's dead owner left is ours to clear away: of several who want to, only one may."""
    try:
        descriptor = os.open(session.run, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        yield False  # somebody else has
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            ours = False
        else:
            ours = session.run.exists()
        yield ours
    finally:
        os.close(descriptor)


def _session_dirs(room: Path) -> list[Path]:
    try:
        return [entry for entry in room.iterdir() if SESSION_ID.fullmatch(entry.name) and entry.is_dir()]
    except FileNotFoundError:
        return []


def orphans(root: Path) -> tuple[list[SessionPaths], dict[str, str]]:
    """Run directories whose owner is dead; and, by session, why others of which it is not known that they have none."""
    dead, unproved = list[SessionPaths](), dict[str, str]()
    for directory in _session_dirs(root / "run"):
        session = SessionPaths.of(directory.name, root)
        lease = read_lease(session)
        if lease is None:
            with suppress(FileNotFoundError):  # its owner was about to remove it
                if time.time() - directory.stat().st_mtime > UNCLAIMED_SECONDS:
                    dead.append(session)
                else:
                    unproved[session.session_id] = "it is new, and its supervisor may be about to put its name down"
        elif (life := lease.owner.life()) is Life.DEAD:
            dead.append(session)
        elif life is Life.UNKNOWN:
            unproved[session.session_id] = "its supervisor belongs to another machine"
    return dead, unproved


def sessions(root: Path | None = None) -> list[KnownSession]:
    """All sessions with a readable record, newest first."""
    root = root or paths.home()
    known = []
    for directory in _session_dirs(root / "sessions"):
        session = SessionPaths.of(directory.name, root)
        if (record := read_record(session)) is None:
            continue
        lease = read_lease(session)
        known.append(KnownSession(record, alive=lease is not None and lease.owner.alive()))
    return sorted(known, key=lambda one: one.record.info.started, reverse=True)


def find(wanted: str, root: Path | None = None) -> SessionPaths:
    """The live session that ``wanted`` (a prefix of its id; empty: the only or newest one) means.

    UserFacingError when there is none, or more than one fits.
    """
    root = root or paths.home()
    alive = [one for one in sessions(root) if one.alive]
    fitting = [one for one in alive if one.id.startswith(wanted)]
    if not alive:
        raise UserFacingError("No session is running.", "Start one with `ironcurtain-tui run`.")
    if not fitting:
        ids = ", ".join(one.id for one in alive)
        raise UserFacingError(f"No running session starts with {wanted!r}.", f"Running: {ids}.")
    if len(fitting) > 1:
        ids = ", ".join(one.id for one in fitting)
        raise UserFacingError("Several sessions are running.", f"Name one of: {ids}.")
    return SessionPaths.of(fitting[0].id, root)
