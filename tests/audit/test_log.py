"""The writer: durable or refused, in order, and whole again after whatever happened to it."""

import asyncio
import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit import log as log_module
from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.audit.redact import MARK, Redactor
from ironcurtain_tui.events import AuditLine, Decision
from tests.small_disk import small_file_system
from tests.whole_log import Verification, as_line, verify_file

SESSION = "0123456789ab"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    with small_file_system(tmp_path / "disk", "64k") as disk:
        yield disk


def summaries(path: Path) -> list[str]:
    return [record.summary for record in AuditReader(path).poll()]


def test_records_are_chained_over_several_openings(path: Path) -> None:
    published: list[AuditLine] = []
    with AuditLog.open(path, SESSION, publish=published.append) as log:
        first = log.append("session.started", "started", data={"b": 2, "a": [1.5, None]})
        assert log.head.seq == 1
    with AuditLog.open(path, SESSION, publish=published.append) as log:
        second = log.append("request.refused", "GET example.com", decision=Decision.DENY)
        head = log.head
    assert published == [first, second]
    assert (second.seq, second.decision) == (2, Decision.DENY)
    records = list(AuditReader(path).poll())
    assert [as_line(record) for record in records] == [first, second]
    assert (records[1].prev, records[1].hash) == (records[0].hash, head.hash)
    assert verify_file(path, SESSION) == Verification(True, 2)
    assert path.stat().st_mode & 0o777 == 0o600


def test_known_secrets_are_not_stored(path: Path) -> None:
    with AuditLog.open(path, SESSION, redact=Redactor(["sk-ant-real-key"])) as log:
        log.append("request.allowed", "key sk-ant-real-key", data={"nested": {"sk-ant-real-key": ["sk-ant-real-key"]}})
    assert b"real-key" not in path.read_bytes()
    assert path.read_bytes().count(MARK.encode()) == 3


def test_data_that_is_no_json_is_the_callers_fault_and_breaks_nothing(path: Path) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    with AuditLog.open(path, SESSION) as log:
        with pytest.raises(TypeError):
            log.append("test", "bytes", data={"x": b""})
        with pytest.raises(RecursionError):
            log.append("test", "deep", data={"x": deep})
        assert log.append("test", "good").seq == 1


def test_one_writer_only(path: Path) -> None:
    with AuditLog.open(path, SESSION), pytest.raises(AuditUnavailable, match="another process"):
        AuditLog.open(path, SESSION)
    AuditLog.open(path, SESSION).close()


def test_after_close_nothing_is_accepted(path: Path) -> None:
    log = AuditLog.open(path, SESSION)
    log.append("test", "last", durable=False)
    log.close()
    log.close()
    with pytest.raises(AuditUnavailable, match="closed"):
        log.append("test", "too late")
    assert summaries(path) == ["last"]


@pytest.mark.parametrize("make", ["directory", "symlink", "fifo"])
def test_only_a_plain_file_is_a_log(path: Path, make: str) -> None:
    if make == "directory":
        path.mkdir()
    elif make == "symlink":
        path.symlink_to(path.with_name("elsewhere"))
    else:
        os.mkfifo(path)
    with pytest.raises(AuditUnavailable):
        AuditLog.open(path, SESSION)


def test_a_tampered_log_or_anothers_is_not_continued(path: Path) -> None:
    with AuditLog.open(path, SESSION) as log:
        log.append("test", "one")
        log.append("test", "two")
    with pytest.raises(AuditUnavailable, match="belongs to session"):
        AuditLog.open(path, "ba9876543210")
    path.write_bytes(path.read_bytes().replace(b"two", b"2wo"))
    with pytest.raises(AuditUnavailable, match="record 2"):
        AuditLog.open(path, SESSION)


def test_a_torn_tail_of_any_length_is_repaired_and_told(path: Path) -> None:
    with AuditLog.open(path, SESSION) as log:
        log.append("test", "one")
        whole = path.stat().st_size
        log.append("test", "two")
    text = path.read_bytes()
    for cut in range(whole, len(text), 7):
        path.write_bytes(text[:cut])
        with AuditLog.open(path, SESSION) as log:
            log.append("test", "after")
        records = list(AuditReader(path).poll())
        assert verify_file(path, SESSION) == Verification(True, len(records))
        if cut == whole:
            assert [record.summary for record in records] == ["one", "after"]
        else:
            assert [record.kind for record in records] == ["test", "audit.repaired", "test"]
            assert records[1].data["bytes"] == cut - whole


WRITER = """
import sys
from pathlib import Path
from ironcurtain_tui.audit.log import AuditLog
log = AuditLog.open(Path(sys.argv[1]), sys.argv[2])
while True:
    line = log.append("test", "x" * 200)
    sys.stdout.write(f"{line.seq}\\n")
    sys.stdout.flush()
"""


def test_kill_9_loses_no_acknowledged_record(path: Path) -> None:
    acknowledged = 0
    for _ in range(8):
        command = [sys.executable, "-c", WRITER, str(path), SESSION]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(random.randint(1, 60)):  # noqa: S311 -- any moment will do
                acknowledged = int(writer.stdout.readline())
            writer.send_signal(signal.SIGKILL)
            for line in writer.stdout:
                if line.endswith("\n"):
                    acknowledged = int(line)
        result = verify_file(path, SESSION)
        assert result.ok
        assert result.records >= acknowledged
    AuditLog.open(path, SESSION).close()
    assert verify_file(path, SESSION).torn == 0


def test_a_full_disk_refuses_until_there_is_room(small_disk: Path) -> None:
    path = small_disk / "audit.jsonl"
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 16384)
    accepted: list[str] = []
    with AuditLog.open(path, SESSION) as log:
        with contextlib.suppress(AuditUnavailable):
            while True:
                accepted.append(log.append("test", f"event {len(accepted)}", data={"fill": "x" * 1500}).summary)
        for _ in range(3):
            with pytest.raises(AuditUnavailable, match="No space left"):
                log.append("test", "refused", data={"fill": "x" * 1500})
        assert verify_file(path, SESSION).records == len(accepted)
        filler.unlink()
        log.append("test", "room again")
    *before, resumed, last = AuditReader(path).poll()
    assert [record.summary for record in before] == accepted
    assert (resumed.kind, resumed.data, last.summary) == ("audit.resumed", {"refused": 4}, "room again")
    assert verify_file(path, SESSION) == Verification(True, len(accepted) + 2)


def test_a_failed_flush_refuses_and_is_made_good(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with AuditLog.open(path, SESSION) as log:
        log.append("test", "nobody waits for this", durable=False)
        with monkeypatch.context() as patch:
            patch.setattr(log_module, "_flush_file", fail)
            for _ in range(2):
                with pytest.raises(AuditUnavailable, match="Input/output error"):
                    log.append("test", "refused")
        log.append("test", "works again")
    assert [record.kind for record in AuditReader(path).poll()] == ["test", "audit.resumed", "test"]
    assert summaries(path)[0] == "nobody waits for this"
    assert verify_file(path, SESSION) == Verification(True, 3)


def test_a_read_only_file_system_is_refused(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(AuditUnavailable, match="Read-only"):
        AuditLog.open(small_disk / "audit.jsonl", SESSION)


def test_a_missing_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AuditUnavailable, match="No such file"):
        AuditLog.open(tmp_path / "missing" / "audit.jsonl", SESSION)


@pytest.mark.parametrize("harm", ["removed", "cut", "extended"])
def test_a_log_that_somebody_else_touched_takes_no_more(path: Path, harm: str) -> None:
    with AuditLog.open(path, SESSION) as log:
        log.append("test", "one")
        if harm == "removed":
            path.unlink()
        elif harm == "cut":
            os.truncate(path, 10)
        else:
            with path.open("ab") as file:
                file.write(b"{}\n")
        for _ in range(2):
            with pytest.raises(AuditUnavailable, match="somebody"):
                log.append("test", "two")


async def test_concurrent_appends_keep_their_order_and_share_flushes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushes = 0
    flush = log_module._flush_file

    def counting(descriptor: int) -> None:
        nonlocal flushes
        flushes += 1
        flush(descriptor)

    monkeypatch.setattr(log_module, "_flush_file", counting)
    with AuditLog.open(path, SESSION) as log:
        lines = await asyncio.gather(*(log.append_async("test", str(number)) for number in range(500)))
    assert [(line.seq, line.summary) for line in lines] == [(number + 1, str(number)) for number in range(500)]
    assert summaries(path) == [str(number) for number in range(500)]
    assert flushes < 250
    assert verify_file(path, SESSION) == Verification(True, 500)


async def test_threads_and_tasks_may_append_at_once(path: Path) -> None:
    with AuditLog.open(path, SESSION) as log:

        def from_a_thread(name: int) -> None:
            for number in range(50):
                log.append("thread", f"{name} {number}")

        async def from_a_task(name: int) -> None:
            for number in range(50):
                await log.append_async("task", f"{name} {number}")

        await asyncio.gather(
            *(asyncio.to_thread(from_a_thread, name) for name in range(3)), *(from_a_task(name) for name in range(3))
        )
    assert verify_file(path, SESSION) == Verification(True, 300)
    for kind in ("thread", "task"):
        for name in range(3):
            mine = [r.summary for r in AuditReader(path).poll() if r.kind == kind and r.summary.startswith(f"{name} ")]
            assert mine == [f"{name} {number}" for number in range(50)]


async def test_a_cancelled_append_harms_nobody(path: Path) -> None:
    with AuditLog.open(path, SESSION) as log:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(log.append_async("test", str(number))) for number in range(100)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
        assert all(task.result().summary == str(number) for number, task in enumerate(tasks) if number % 2)
        assert log.append("test", "after").seq == log.head.seq
    assert verify_file(path, SESSION).ok


def test_a_publisher_that_fails_does_not_stop_the_log(path: Path) -> None:
    def fail(_: AuditLine) -> None:
        raise RuntimeError("the loop is closed")

    with AuditLog.open(path, SESSION, publish=fail) as log:
        assert [log.append("test", "one").seq, log.append("test", "two").seq] == [1, 2]
