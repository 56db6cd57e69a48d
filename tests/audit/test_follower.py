"""The process beside the screen: what it reports of logs that grow, change, break and go."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.follower import AnyReport, Checked, Indexed, Missing, Verifier, Watch, index_step
from ironcurtain_tui.audit.index import AuditIndex
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.paths import SessionPaths, private_directory
from tests.waiting import PATIENCE

SESSION = "0123456789ab"


@pytest.fixture
def directory(tmp_path: Path) -> AuditDirectory:
    private_directory(tmp_path / "sessions")
    private_directory(SessionPaths.of(SESSION, tmp_path).kept)
    found = AuditDirectory(tmp_path)
    write(found, 5)
    return found


def write(directory: AuditDirectory, records: int) -> None:
    with AuditLog.open(directory.log(SESSION), SESSION, notary=directory.notary()) as log:
        for number in range(records):
            log.append("request", f"number {number}")


def test_a_log_is_checked_once_and_again_when_it_grew(directory: AuditDirectory) -> None:
    watch = Watch(directory, SESSION)
    first = watch.check()
    assert first is not None
    assert (first.ok, first.records) == (True, 6)  # with the checkpoint at its end
    assert watch.check() is None
    write(directory, 3)
    second = watch.check()
    assert second is not None
    assert (second.ok, second.records) == (True, 10)


def test_a_change_of_what_was_checked_is_found(directory: AuditDirectory) -> None:
    watch = Watch(directory, SESSION)
    watch.check()
    path = directory.log(SESSION)
    path.write_bytes(path.read_bytes().replace(b"number 2", b"number 7"))
    proof = watch.check()
    assert proof is not None
    assert (proof.ok, proof.broken_at) == (False, 3)


def test_a_log_that_is_whole_again_is_proven_again(directory: AuditDirectory) -> None:
    watch = Watch(directory, SESSION)
    path = directory.log(SESSION)
    content = path.read_bytes()
    watch.check()
    path.write_bytes(content[:300])
    broken = watch.check()
    assert broken is not None
    assert not broken.ok
    path.write_bytes(content)
    whole = watch.check()
    assert whole is not None
    assert whole.ok


def test_reports_of_index_and_verifier(directory: AuditDirectory) -> None:
    told: list[AnyReport] = []
    with AuditIndex(directory) as index:
        assert not index_step(index, told.append)
        assert not index_step(index, told.append)
    assert told == [Indexed(records=6, complete=True)]
    told.clear()
    verifier = Verifier(directory, told.append)
    verifier.step()
    verifier.step()
    assert [type(report) for report in told] == [Checked]
    directory.log(SESSION).unlink()
    verifier.step()
    assert told[-1] == Missing(sessions=(SESSION,))


def test_it_ends_with_its_input(directory: AuditDirectory) -> None:
    command = [sys.executable, "-m", "ironcurtain_tui.audit.follower", str(directory.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        reports = [msgspec.json.decode(process.stdout.readline(), type=AnyReport) for _ in range(2)]
        assert {type(report) for report in reports} == {Indexed, Checked}
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
