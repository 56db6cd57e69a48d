"""A stranger verifies a real log with docs/verify_audit.py, which uses nothing of ours."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ironcurtain_tui.audit import log as log_module
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.signature import PUBLIC_FILE
from ironcurtain_tui.paths import private_directory

SCRIPT = Path(__file__).parents[2] / "docs" / "verify_audit.py"
SESSION = "0123456789ab"


@pytest.fixture
def audit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuditDirectory:
    monkeypatch.setattr(log_module, "CHECKPOINT_RECORDS", 10)
    audit = AuditDirectory(tmp_path)
    private_directory(audit.log(SESSION).parent)
    with AuditLog.open(audit.log(SESSION), SESSION, notary=audit.notary()) as log:
        for number in range(25):
            log.append("test", f"event {number} “ünïcode”", data={"number": number / 3, "nested": [{"a": None}]})
    return audit


def verify(audit: AuditDirectory, *more: str) -> tuple[int, str]:
    vouching = ["--ledger", audit.ledger_path, "--key", audit.path / PUBLIC_FILE]
    command = [sys.executable, "-I", SCRIPT, audit.log(SESSION), *vouching, *more]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not result.stderr
    return result.returncode, result.stdout.strip()


def test_the_script_needs_nothing_of_ours() -> None:
    assert "import ironcurtain" not in SCRIPT.read_text()
    assert "from ironcurtain" not in SCRIPT.read_text()


def test_a_good_log_verifies(audit: AuditDirectory) -> None:
    head = audit.ledger().head
    expected = (0, f"OK session {SESSION}: 28 records chained, signed to 28, in the ledger to 28")
    assert verify(audit) == expected
    assert verify(audit, "--anchor", f"{head.seq}:{head.hash}") == expected
    with audit.log(SESSION).open("ab") as file:
        file.write(b'{"data":')
    assert verify(audit)[0] == 0


@pytest.mark.parametrize(
    ("tamper", "told"),
    [
        (lambda log: [*log[:14], b'{"x":1}\n', *log[14:]], "record 15: not a record"),
        (lambda log: [*log[:14], log[14].replace(b"event", b"tneve"), *log[15:]], "record 15: its content"),
        (lambda log: [*log[:14], log[15], log[14], *log[16:]], "record 15: it does not belong"),
        (lambda log: log[:22], "record 23: the ledger says that there were 28 records"),
    ],
)
def test_a_tampered_log_does_not(
    audit: AuditDirectory, tamper: Callable[[list[bytes]], list[bytes]], told: str
) -> None:
    lines = audit.log(SESSION).read_bytes().splitlines(keepends=True)
    audit.log(SESSION).write_bytes(b"".join(tamper(lines)))
    code, said = verify(audit)
    assert code == 1
    assert told in said


def test_forged_signatures_and_a_cut_ledger_are_named(audit: AuditDirectory, tmp_path: Path) -> None:
    whole = audit.ledger_path.read_bytes()
    audit.ledger_path.write_bytes(b"".join(whole.splitlines(keepends=True)[:1]))
    assert "record 11: the ledger does not know this checkpoint" in verify(audit)[1]
    assert "the anchor is not there" in verify(audit, "--anchor", "5:00")[1]
    audit.ledger_path.write_bytes(whole)
    other = AuditDirectory(private_directory(tmp_path / "other"))
    other.notary()
    (audit.path / PUBLIC_FILE).write_bytes((other.path / PUBLIC_FILE).read_bytes())
    assert "ledger.jsonl record 1: its signature is not right" in verify(audit)[1]
