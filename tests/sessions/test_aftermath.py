"""What a killed supervisor leaves is repaired, said, ended and signed; what was tampered with is not touched."""

from pathlib import Path

import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.audit.verify import verify_log
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions.aftermath import close_records
from ironcurtain_tui.terminal.recording import Recorder
from ironcurtain_tui.terminal.replay import Replay

SESSION = "0123456789ab"


@pytest.fixture
def session(tmp_path: Path) -> SessionPaths:
    """As after a kill in the middle of a record: not ended, unsigned, torn."""
    session = SessionPaths.of(SESSION, tmp_path)
    session.create()
    with AuditLog.open(session.audit_log, SESSION, notary=AuditDirectory(tmp_path).notary()) as log:
        log.append("session.start", "started")
        log.append("request", "GET example.org", durable=True)
        killed = session.audit_log.read_bytes()
        ledger = AuditDirectory(tmp_path).ledger_path.read_bytes()
    session.audit_log.write_bytes(killed + b'{"data":{"half')
    AuditDirectory(tmp_path).ledger_path.write_bytes(ledger)
    Recorder(session.recording, 80, 24).output(b"the last words")
    return session


def test_the_log_is_repaired_and_ended(session: SessionPaths) -> None:
    assert not verify_log(AuditDirectory(session.root), SESSION).ended
    (said,) = close_records(session)
    assert "Removed an unfinished record of 14 bytes" in said
    proof = verify_log(AuditDirectory(session.root), SESSION)
    assert (proof.ok, proof.ended, proof.torn, proof.signed) == (True, True, 0, proof.records)
    kinds = [record.kind for record in AuditReader(session.audit_log).poll()]
    assert kinds == ["session.start", "request", "audit.repaired", "session.end", "audit.checkpoint"]
    assert [path.name for path in session.kept.glob("rec*")] == ["recording.cast.gz"]
    assert Replay.load(session.recording).events[0].data == "the last words"


def test_a_session_that_never_had_a_log_is_no_trouble(tmp_path: Path) -> None:
    session = SessionPaths.of(SESSION, tmp_path)
    session.create()
    assert close_records(session) == []


def test_a_tampered_log_is_left_as_it_is(session: SessionPaths) -> None:
    tampered = session.audit_log.read_bytes().replace(b"example.org", b"example.com")
    session.audit_log.write_bytes(tampered)
    with pytest.raises(AuditUnavailable, match="record 2 is not right"):
        close_records(session)
    assert session.audit_log.read_bytes() == tampered
