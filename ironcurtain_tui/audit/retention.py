"""Which sessions are old or many enough to go: only whole ones that have ended and verify. The ledger keeps it."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from pathlib import Path

from ironcurtain_tui.audit.chain import ChainBroken, Head
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.ledger import LedgerEvent, Notary
from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.audit.verify import verify_log
from ironcurtain_tui.config import RetentionSettings
from ironcurtain_tui.events import Value
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.private_files import flush_directory, locked

DAY_US = 86_400_000_000


class Candidate(Value, frozen=True):
    """A session that may go."""

    session: str
    size: int
    """Bytes of its directory."""
    last_us: int
    """Time of its last record."""
    records: int
    reason: str
    """Why it is to go, or why it stays although it is due."""
    goes: bool


def plan(directory: AuditDirectory, settings: RetentionSettings, now_us: int) -> list[Candidate]:
    """What retention would do now, oldest session first; sessions that are not due are left out. Changes nothing."""
    ended = list(_ended(directory))
    total = sum(size for _, size, _ in ended)
    limit, oldest = settings.max_bytes, now_us - settings.max_age_days * DAY_US
    found = []
    for session, size, last_us in sorted(ended, key=lambda one: one[2]):
        reason = ""
        if settings.max_age_days and last_us < oldest:
            reason = f"older than {settings.max_age_days} days"
        elif limit and total > limit:
            reason = f"all sessions together have more than {settings.max_size}"
        if not reason:
            continue
        proof = verify_log(directory, session)
        if proof.ok:
            total -= size
        else:
            reason = f"stays, because its log does not verify: {proof.verdict}"
        one = Candidate(
            session=session, size=size, last_us=last_us, records=proof.records, reason=reason, goes=proof.ok
        )
        found.append(one)
    return found


def candidate(directory: AuditDirectory, session: str, reason: str) -> Candidate:
    """``session``, to be removed for ``reason``; it stays when somebody runs it or its log does not verify."""
    ended = next((one for one in _ended(directory) if one[0] == session), None)
    if ended is None:
        return Candidate(session=session, size=0, last_us=0, records=0, reason="it has not ended", goes=False)
    proof = verify_log(directory, session)
    if not proof.ok:
        reason = f"its log does not verify: {proof.verdict}"
    return Candidate(
        session=session, size=ended[1], last_us=ended[2], records=proof.records, reason=reason, goes=proof.ok
    )


def remove(directory: AuditDirectory, notary: Notary, candidate: Candidate) -> None:
    """Delete a session of the plan: first it is entered in the ledger, then everything of it goes.

    Raises LedgerUnavailable, and OSError when something cannot be deleted; the next ``finish`` tries again.
    """
    if not candidate.goes:
        raise ValueError("it does not go")
    last = last_records(directory.log(candidate.session), 1)
    head = Head(candidate.session, last[0].seq, last[0].hash) if last else Head(candidate.session, 0, "")
    notary.enter(LedgerEvent.REMOVED, head, {"reason": candidate.reason, "bytes": candidate.size})
    _delete(directory, candidate.session)


def carry_out(directory: AuditDirectory, settings: RetentionSettings, now_us: int) -> list[str]:
    """What retention does by itself, if the settings want that; in words, for a log.

    Raises UserFacingError when ledger or key cannot be used, OSError when something cannot be deleted.
    """
    if not settings.automatic or not (settings.max_age_days or settings.max_bytes):
        return []
    with locked(directory.root / "sessions"):  # another session may be ending, too
        notary = directory.notary()
        told = [f"removed what was left of {session}" for session in finish(directory)]
        for one in plan(directory, settings, now_us):
            if one.goes:
                remove(directory, notary, one)
            told.append(f"{'removed' if one.goes else 'kept'} {one.session}: {one.reason}")
    return told


def finish(directory: AuditDirectory) -> list[str]:
    """Delete what is left of sessions whose removal was entered in the ledger but interrupted; their ids."""
    ledger = directory.ledger()
    left = [session for session in directory.directories() if ledger.removed(session)]
    for session in left:
        _delete(directory, session)
    return left


def _delete(directory: AuditDirectory, session: str) -> None:
    kept = SessionPaths.of(session, directory.root).kept
    shutil.rmtree(kept)
    flush_directory(kept.parent)


def _ended(directory: AuditDirectory) -> Iterator[tuple[str, int, int]]:
    """Sessions nobody runs or writes: id, bytes, time of the last record."""
    for session, log in directory.logs():
        paths = SessionPaths.of(session, directory.root)
        if paths.run.exists() or _is_written(log):
            continue
        size = sum(file.lstat().st_size for file in paths.kept.rglob("*"))
        try:
            last = last_records(log, 1)
        except ChainBroken:
            last = []  # it stays, as verifying it tells
        yield session, size, last[0].time_us if last else int(log.stat().st_mtime * 1e6)


def _is_written(log: Path) -> bool:
    with log.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
