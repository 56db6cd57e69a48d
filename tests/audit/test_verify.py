"""Signed checkpoints and the ledger: every kind of tampering with real files is found, at its place."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit import log as log_module
from ironcurtain_tui.audit.chain import Entry, Head, advance, link, parse, start
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.ledger import LedgerEvent, LedgerUnavailable, read_ledger
from ironcurtain_tui.audit.log import CHECKPOINT, AuditLog, AuditUnavailable
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.audit.signature import KEY_FILE, PUBLIC_FILE, SigningKey
from ironcurtain_tui.audit.verify import RunningProof, missing_sessions, verify_log
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import private_directory
from tests.small_disk import small_file_system

SESSION, OTHER = "0123456789ab", "ba9876543210"


@pytest.fixture
def audit(tmp_path: Path) -> AuditDirectory:
    return AuditDirectory(tmp_path)


@pytest.fixture(autouse=True)
def _checkpoint_every_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "CHECKPOINT_RECORDS", 10)


def opened(audit: AuditDirectory, session: str = SESSION, **more: object) -> AuditLog:
    private_directory(audit.log(session).parent)
    return AuditLog.open(audit.log(session), session, notary=audit.notary(), **more)  # type: ignore[arg-type]


def write(audit: AuditDirectory, session: str = SESSION, records: int = 25) -> list[bytes]:
    """A finished log: 25 records and checkpoints as numbers 11, 22 and 28."""
    with opened(audit, session) as log:
        for number in range(records):
            log.append("test", f"event {number}", data={"number": number})
    return lines(audit, session)


def lines(audit: AuditDirectory, session: str = SESSION) -> list[bytes]:
    return audit.log(session).read_bytes().splitlines(keepends=True)


def replace(audit: AuditDirectory, content: list[bytes], session: str = SESSION) -> None:
    audit.log(session).write_bytes(b"".join(content))


def test_a_whole_log_is_proven_to_its_last_record(audit: AuditDirectory) -> None:
    write(audit)
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.ended, proof.notes) == (True, True, ())
    assert (proof.records, proof.signed, proof.attested, proof.checkpoints) == (28, 28, 28, 3)
    assert [record.seq for record in AuditReader(audit.log(SESSION)).poll() if record.kind == CHECKPOINT] == [
        11,
        22,
        28,
    ]
    events = [line.kind for line in audit.ledger().entries[SESSION]]
    assert events == ["opened", "checkpoint", "checkpoint", "checkpoint", "ended"]
    assert (audit.path / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert missing_sessions(audit) == []


def test_time_alone_brings_a_checkpoint(audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "CHECKPOINT_SECONDS", 0.05)
    signed = threading.Event()
    with opened(audit, publish=lambda line: signed.set() if line.kind == CHECKPOINT else None) as log:
        log.append("test", "one")
        assert signed.wait(30)
        head = log.head.seq
    assert (head, len(lines(audit))) == (2, 2)


def test_a_log_without_news_is_not_signed_again(audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "CHECKPOINT_SECONDS", 0.0)
    with opened(audit) as log:
        log.append("test", "one")
        time.sleep(0.05)
    assert [parse(line).kind for line in lines(audit)] == ["test", CHECKPOINT]


def rechained(content: list[bytes], change: Callable[[int, dict[str, object]], None]) -> list[bytes]:
    """A forger without the key: every record after the change hashed anew."""
    head, forged = start(SESSION), []
    for number, line in enumerate(content, 1):
        record = parse(line)
        members: dict[str, object] = {"summary": record.summary, "data": record.data}
        change(number, members)
        line, head = link(
            head,
            Entry(
                time_us=record.time_us,
                mono_us=record.mono_us,
                kind=record.kind,
                decision=record.decision,
                summary=str(members["summary"]),
                data=members["data"],  # type: ignore[arg-type]
            ),
        )
        forged.append(line)
    return forged


def change_15(number: int, members: dict[str, object]) -> None:
    if number == 15:
        members["summary"] = "nothing happened"


LOG_TAMPERING = {
    "changed": (lambda log: [*log[:14], log[14].replace(b"event", b"tneve"), *log[15:]], 15, "content"),
    "dropped": (lambda log: [*log[:14], *log[15:]], 15, "missing or moved"),
    "swapped": (lambda log: [*log[:14], log[15], log[14], *log[16:]], 15, "missing or moved"),
    "inserted": (lambda log: [*log[:14], log[13], *log[14:]], 15, "missing or moved"),
    "cut after a checkpoint": (lambda log: log[:22], 23, "there were 28 records"),
    "cut by the last record": (lambda log: log[:27], 28, "there were 28 records"),
    "emptied": (lambda log: log[:0], 1, "there were 28 records"),
    "changed and hashed anew": (lambda log: rechained(log, change_15), 22, "rewritten"),
    "cut and continued": (
        lambda log: [*log[:12], *rechained(log[:16], change_15)[12:]],
        17,
        "there were 28 records",
    ),
    "appended": (
        lambda log: [*log, link(advance_all(log), parse_entry(log[0]))[0]],
        29,
        "had ended with record 28",
    ),
}


def advance_all(content: list[bytes]) -> Head:
    head = start(SESSION)
    for line in content:
        head = advance(head, line)
    return head


def parse_entry(line: bytes) -> Entry:
    record = parse(line)
    return Entry(time_us=record.time_us, mono_us=record.mono_us, kind=record.kind, summary=record.summary)


@pytest.mark.parametrize("name", LOG_TAMPERING)
def test_a_tampered_log_is_found_at_its_place(audit: AuditDirectory, name: str) -> None:
    tamper, place, reason = LOG_TAMPERING[name]
    replace(audit, tamper(write(audit)))
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.broken_at, proof.records) == (False, place, place - 1)
    assert reason in proof.reason
    assert f"#{place}" in proof.verdict


def test_rolling_back_to_an_older_copy_is_found(audit: AuditDirectory) -> None:
    with opened(audit) as log:
        for number in range(12):
            log.append("test", f"event {number}")
        older = lines(audit)
        for number in range(12):
            log.append("test", f"later {number}")
    replace(audit, older)
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.broken_at) == (False, len(older) + 1)
    assert "older copy" in proof.reason


def test_replacing_a_log_by_a_forged_or_foreign_one_is_found(audit: AuditDirectory, tmp_path: Path) -> None:
    write(audit)
    elsewhere = AuditDirectory(private_directory(tmp_path / "elsewhere"))
    write(elsewhere)
    replace(audit, lines(elsewhere))
    assert (verify_log(audit, SESSION).broken_at, verify_log(audit, SESSION).records) == (11, 10)
    write(audit, OTHER)
    replace(audit, lines(audit, OTHER))
    assert "belongs to session" in verify_log(audit, SESSION).reason


def test_a_deleted_session_is_missed_unless_retention_removed_it(audit: AuditDirectory) -> None:
    write(audit)
    write(audit, OTHER)
    audit.notary().enter(LedgerEvent.REMOVED, advance_all(lines(audit)))
    shutil.rmtree(audit.log(SESSION).parent)
    shutil.rmtree(audit.log(OTHER).parent)
    assert [(head.session, head.seq) for head in missing_sessions(audit)] == [(OTHER, 28)]
    proof = verify_log(audit, OTHER)
    assert (proof.ok, proof.reason) == (False, "the log is missing")


def test_a_session_the_ledger_never_heard_of_is_not_believed(audit: AuditDirectory) -> None:
    write(audit, OTHER)
    private_directory(audit.log(SESSION).parent)
    with AuditLog.open(audit.log(SESSION), SESSION) as log:
        log.append("test", "forged")
    assert "does not know this session" in verify_log(audit, SESSION).reason


LEDGER_TAMPERING: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "changed": (lambda ledger: [*ledger[:2], ledger[2].replace(b'"seq":22', b'"seq":21'), *ledger[3:]], 3),
    "dropped": (lambda ledger: [*ledger[:2], *ledger[3:]], 3),
    "swapped": (lambda ledger: [*ledger[:2], ledger[3], ledger[2], *ledger[4:]], 3),
    "inserted": (lambda ledger: [*ledger[:2], b"{}\n", *ledger[2:]], 3),
}


@pytest.mark.parametrize("name", LEDGER_TAMPERING)
def test_a_tampered_ledger_is_found_at_its_place(audit: AuditDirectory, name: str) -> None:
    write(audit)
    tamper, place = LEDGER_TAMPERING[name]
    audit.ledger_path.write_bytes(b"".join(tamper(audit.ledger_path.read_bytes().splitlines(keepends=True))))
    ledger = audit.ledger()
    assert (ledger.ok, ledger.broken_at, ledger.lines) == (False, place, place - 1)
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.broken_at) == (False, 12)
    assert proof.reason == "nothing vouches for it, because the ledger is broken at its line 3"


def test_a_ledger_hashed_anew_without_the_key_is_found(audit: AuditDirectory) -> None:
    write(audit)
    head, forged = start("ledger"), []
    for line in audit.ledger_path.read_bytes().splitlines(keepends=True):
        record = parse(line)
        data = {**record.data, **({"seq": 21} if record.seq == 3 else {})}
        entry = Entry(time_us=1, mono_us=1, kind=record.kind, summary=record.summary, data=data)
        line, head = link(head, entry)
        forged.append(line)
    audit.ledger_path.write_bytes(b"".join(forged))
    ledger = audit.ledger()
    assert not ledger.ok
    assert "signature" in ledger.reason


def test_a_ledger_rolled_back_alone_is_contradicted_by_the_log(audit: AuditDirectory) -> None:
    write(audit)
    ledger = audit.ledger_path.read_bytes().splitlines(keepends=True)
    audit.ledger_path.write_bytes(b"".join(ledger[:2]))
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.broken_at) == (False, 22)
    assert "does not know this checkpoint" in proof.reason
    audit.ledger_path.unlink()
    assert "does not know this session" in verify_log(audit, SESSION).reason


def test_another_key_is_noticed(audit: AuditDirectory) -> None:
    write(audit)
    (audit.path / KEY_FILE).unlink()
    SigningKey.load_or_create(audit.path)
    assert "another key" in audit.ledger().reason
    assert verify_log(audit, SESSION).broken_at == 11
    (audit.path / PUBLIC_FILE).unlink()
    assert "is missing" in AuditDirectory(audit.root).ledger().reason


def test_a_key_others_can_read_is_refused(audit: AuditDirectory) -> None:
    audit.notary()
    (audit.path / KEY_FILE).chmod(0o640)
    with pytest.raises(UserFacingError, match="can be read by other users"):
        audit.notary()
    (audit.path / KEY_FILE).write_text("-----BEGIN NONSENSE-----")
    (audit.path / KEY_FILE).chmod(0o600)
    with pytest.raises(UserFacingError, match="Ed25519"):
        audit.notary()


def test_a_log_without_a_ledger_is_not_begun(audit: AuditDirectory) -> None:
    write(audit)
    audit.ledger_path.write_bytes(audit.ledger_path.read_bytes()[:-9] + b"garbage}\n")
    with pytest.raises(AuditUnavailable, match="damaged at its end"):
        opened(audit, OTHER)


def test_a_torn_ledger_line_is_made_good_by_the_next(audit: AuditDirectory) -> None:
    write(audit)
    whole = audit.ledger_path.read_bytes()
    for cut in range(len(whole.rsplit(b"\n", 2)[0]) + 2, len(whole), 97):
        audit.ledger_path.write_bytes(whole[:cut])
        assert audit.ledger().lines == 4
        audit.notary().enter(LedgerEvent.ENDED, advance_all(lines(audit)))
        assert (audit.ledger().ok, audit.ledger().lines) == (True, 5)


def test_a_ledger_that_fails_on_the_way_is_told_and_made_up_for(
    audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[UserFacingError] = []
    with opened(audit, on_unsigned=told.append) as log:
        with monkeypatch.context() as patch:

            def fail(*_: object) -> None:
                raise LedgerUnavailable("no")

            patch.setattr("ironcurtain_tui.audit.ledger.Notary.enter", fail)
            for number in range(25):
                log.append("test", f"event {number}")
        assert len(told) == 2
    assert verify_log(audit, SESSION).ok


WRITER = """
import sys
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.ledger import LedgerEvent
from ironcurtain_tui.audit.chain import Head
notary = AuditDirectory().notary()
for number in range(40):
    notary.enter(LedgerEvent.CHECKPOINT, Head(sys.argv[1], number, "0" * 64))
"""


def test_several_supervisors_share_the_ledger(audit: AuditDirectory) -> None:
    environment = {**os.environ, "IRONCURTAIN_HOME": str(audit.root)}
    names = [f"{number:012x}" for number in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, name], env=environment) for name in names]
    assert [writer.wait() for writer in writers] == [0] * 4
    ledger = read_ledger(audit.ledger_path, audit.key())
    assert (ledger.ok, ledger.lines) == (True, 160)
    for name in names:
        assert [line.data["seq"] for line in ledger.entries[name]] == list(range(40))


class Dies:
    """Stands for ``os.write``: after a number of bytes to the log, the process is gone."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.write = os.write

    def __call__(self, descriptor: int, data: bytes) -> int:
        if len(data) >= self.left:
            self.write(descriptor, bytes(data)[: self.left])
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= len(data)
        return self.write(descriptor, data)


def kills() -> Iterator[int]:
    """Bytes written to log and ledger until the kill: at, just around, and between the ends of records."""
    return iter([1, 300, *range(700, 9000, 397)])


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")  # the writer's thread has just been joined
def test_kill_9_at_any_byte_tears_at_most_the_last_record(audit: AuditDirectory) -> None:
    """At every boundary and inside of records, of the log and of the ledger alike."""
    audit.notary()
    reached = set()
    for number, bytes_left in enumerate(kills()):
        session = f"{number:012x}"
        child = os.fork()
        if child == 0:
            os.write = Dies(bytes_left)  # type: ignore[assignment]
            try:
                write(audit, session, 15)
            finally:
                os._exit(3)
        _, status = os.waitpid(child, 0)
        reached.add(os.waitstatus_to_exitcode(status))
        if not audit.log(session).exists() or not audit.ledger().last(session):
            continue  # killed before the log was begun: nothing could have happened yet
        before = verify_log(audit, session)
        assert before.ok, before.reason
        with opened(audit, session) as log:
            log.append("test", "after")
        after = verify_log(audit, session)
        assert (after.ok, after.torn, after.ended) == (True, 0, True), after.reason
        kinds = [record.kind for record in AuditReader(audit.log(session)).poll()]
        assert ("audit.repaired" in kinds) == bool(before.torn)
    assert -signal.SIGKILL in reached
    assert audit.ledger().ok


def test_kill_9_right_at_the_end_of_each_record(audit: AuditDirectory) -> None:
    model = write(audit)
    for number in range(1, len(model) + 1):
        whole = b"".join(model[:number])
        for cut in (len(whole), len(whole) - 1, len(whole) - len(model[number - 1]) // 2):
            audit.log(SESSION).write_bytes(whole[:cut])
            check = RunningProof(audit, SESSION)
            audit_view = check.poll()
            # the ledger remembers more than this copy has: only a kill at the very end is no loss
            assert audit_view.ok == (cut == len(b"".join(model)))
            assert audit_view.torn == (0 if cut == len(whole) else cut - len(whole) + len(model[number - 1]))


def test_a_jumping_clock_breaks_nothing_and_is_told(audit: AuditDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time_ns
    offset = 0
    monkeypatch.setattr("time.time_ns", lambda: now() + offset)
    with opened(audit) as log:
        log.append("test", "one")
        offset = -3600 * 10**9
        log.append("test", "an hour earlier")
        offset = 86400 * 10**9
        log.append("test", "a day later")
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.records) == (True, 4)
    assert [note.split(" before ")[0] for note in proof.notes] == [
        "The wall clock jumped by -3,600 s",
        "The wall clock jumped by +90,000 s",
    ]
    assert [note.split("#")[1] for note in proof.notes] == ["2.", "3."]


def test_a_growing_log_is_proven_as_it_grows(audit: AuditDirectory) -> None:
    with opened(audit) as log:
        running = RunningProof(audit, SESSION)
        for number in range(35):
            log.append("test", f"event {number}")
            proof = running.poll()
            assert proof.ok, proof.reason
            assert proof.records >= log.head.seq - 1
        assert proof.signed >= 20
    assert (running.poll().records, running.poll().signed, running.poll().ended) == (39, 39, True)
    replace(audit, [*lines(audit)[:14], lines(audit)[14].replace(b"event", b"tneve"), *lines(audit)[15:]])
    assert running.poll().ok
    running.restart()
    assert running.poll().broken_at == 15
    running.restart()
    replace(audit, lines(audit)[:5])
    assert not running.poll().ok


def test_a_directory_that_cannot_be_written_begins_no_log(audit: AuditDirectory, tmp_path: Path) -> None:
    (tmp_path / "audit").write_text("in the way")
    with pytest.raises(UserFacingError, match="Cannot create the directory"):
        audit.notary()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB."""
    with small_file_system(tmp_path / "disk", "128k") as disk:
        yield disk


def filled(log: AuditLog, size: int) -> int:
    """Append until there is no room; how many records were accepted."""
    for accepted in range(10_000):
        try:
            log.append("test", "filling", data={"fill": "x" * size})
        except AuditUnavailable as error:
            assert "No space left" in error.message  # noqa: PT017 -- whichever append it is
            return accepted
    raise AssertionError("the disk never filled up")


def test_a_full_disk_under_log_and_ledger_leaves_both_whole(small_disk: Path) -> None:
    audit = AuditDirectory(small_disk)
    told: list[UserFacingError] = []
    filler = small_disk / "filler"
    accepted = 0
    with opened(audit, on_unsigned=told.append) as log:
        filler.write_bytes(b"x" * 40_000)
        for size in (1000, 300, 10):
            accepted += filled(log, size)
        assert verify_log(audit, SESSION).ok
        filler.unlink()
        for _ in range(12):
            log.append("test", "room again")
    proof = verify_log(audit, SESSION)
    assert (proof.ok, proof.ended, proof.signed) == (True, True, proof.records), proof.reason
    kinds = [record.kind for record in AuditReader(audit.log(SESSION)).poll()]
    assert (kinds.count("test"), kinds.count("audit.resumed")) == (accepted + 12, 1)
    assert all("cannot be written" in error.message for error in told)


def test_a_read_only_disk_begins_no_log(small_disk: Path) -> None:
    audit = AuditDirectory(small_disk)
    write(audit)
    before = verify_log(audit, SESSION)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(UserFacingError, match="Read-only"):
        opened(audit, OTHER)
    with pytest.raises(AuditUnavailable, match="Read-only"):
        AuditLog.open(audit.log(SESSION), SESSION, notary=audit.notary())
    assert verify_log(audit, SESSION).records == before.records
