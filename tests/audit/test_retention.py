"""Only whole sessions that have ended and verify are removed, and the ledger remembers them."""

import fcntl
import os
from pathlib import Path

import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.retention import DAY_US, carry_out, finish, plan, remove
from ironcurtain_tui.audit.verify import missing_sessions, verify_log
from ironcurtain_tui.config import RetentionSettings
from ironcurtain_tui.paths import SessionPaths, private_directory

OLD, NEWER, NEWEST = "00000000000a", "00000000000b", "00000000000c"
NOW = 2_000_000_000_000_000


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuditDirectory:
    """Three sessions whose last records are 30, 10 and 1 days old."""
    audit = AuditDirectory(tmp_path)
    for session, days in ((OLD, 30), (NEWER, 10), (NEWEST, 1)):
        with monkeypatch.context() as patch:
            patch.setattr("time.time_ns", lambda at=NOW - days * DAY_US: at * 1000)
            private_directory(audit.log(session).parent)
            with AuditLog.open(audit.log(session), session, notary=audit.notary()) as log:
                log.append("test", "something", data={"fill": "x" * 2000})
        (audit.log(session).parent / "recording.cast").write_bytes(b"x" * 10_000)
    return audit


def due(audit: AuditDirectory, **settings: object) -> list[tuple[str, bool]]:
    return [(one.session, one.goes) for one in plan(audit, RetentionSettings(**settings), NOW)]  # type: ignore[arg-type]


def test_it_is_carried_out_by_itself_only_when_it_is_told_to(audit: AuditDirectory) -> None:
    assert carry_out(audit, RetentionSettings(max_age_days=5), NOW) == []
    assert carry_out(audit, RetentionSettings(automatic=True), NOW) == []
    log = audit.log(OLD)
    log.write_bytes(log.read_bytes().replace(b"something", b"something else"))
    first, second = carry_out(audit, RetentionSettings(automatic=True, max_age_days=5), NOW)
    assert first.startswith(f"kept {OLD}: stays, because its log does not verify")
    assert second == f"removed {NEWER}: older than 5 days"
    assert audit.sessions() == [OLD, NEWEST]
    assert audit.ledger().removed(NEWER)
    assert missing_sessions(audit) == []


def test_by_age_and_by_size(audit: AuditDirectory) -> None:
    assert due(audit) == []
    assert due(audit, max_age_days=31) == []
    assert due(audit, max_age_days=10) == [(OLD, True)]
    assert due(audit, max_age_days=5) == [(OLD, True), (NEWER, True)]
    assert due(audit, max_size="30KiB") == [(OLD, True)]
    assert due(audit, max_size="1KiB") == [(OLD, True), (NEWER, True), (NEWEST, True)]
    assert due(audit, max_age_days=20, max_size="30KiB") == [(OLD, True)]


def test_what_is_removed_is_in_the_ledger_and_not_missed(audit: AuditDirectory) -> None:
    (candidate,) = plan(audit, RetentionSettings(max_age_days=20), NOW)
    remove(audit, audit.notary(), candidate)
    assert audit.directories() == [NEWER, NEWEST]
    assert missing_sessions(audit) == []
    last = audit.ledger().last(OLD)
    assert last is not None
    assert (last.kind, last.data["seq"], last.data["reason"]) == ("removed", 2, "older than 20 days")
    assert audit.ledger().ok
    assert verify_log(audit, NEWER).ok


def test_a_removal_that_was_interrupted_is_finished(audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    (candidate,) = plan(audit, RetentionSettings(max_age_days=20), NOW)

    def killed(path: Path) -> None:
        (path / "audit.jsonl").unlink()
        raise OSError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("shutil.rmtree", killed)
        with pytest.raises(OSError, match="killed"):
            remove(audit, audit.notary(), candidate)
    assert audit.directories() == [OLD, NEWER, NEWEST]
    assert finish(audit) == [OLD]
    assert audit.directories() == [NEWER, NEWEST]
    assert finish(audit) == []


def test_what_does_not_verify_stays(audit: AuditDirectory) -> None:
    audit.log(OLD).write_bytes(audit.log(OLD).read_bytes().replace(b"something", b"gnihtemos"))
    (candidate,) = plan(audit, RetentionSettings(max_age_days=20), NOW)
    assert not candidate.goes
    assert "does not verify: record #1" in candidate.reason
    with pytest.raises(ValueError, match="does not go"):
        remove(audit, audit.notary(), candidate)
    assert OLD in audit.directories()


def test_one_log_whose_end_is_no_record_holds_up_no_other(audit: AuditDirectory) -> None:
    log = audit.log(OLD)
    log.write_bytes(log.read_bytes() + b"nothing of ours\n")
    os.utime(log, (0, 0))
    assert due(audit, max_age_days=5) == [(OLD, False), (NEWER, True)]


def test_what_runs_stays(audit: AuditDirectory) -> None:
    SessionPaths.of(OLD, audit.root).run.mkdir(parents=True)
    with audit.log(NEWER).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert due(audit, max_size="1KiB") == [(NEWEST, True)]
