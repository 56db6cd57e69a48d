"""Reading a log while it grows."""

from pathlib import Path

import pytest

from ironcurtain_tui.audit.chain import ChainBroken
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.reader import BLOCK, AuditReader, find_record, last_records
from tests.whole_log import as_line, verify_file

SESSION = "0123456789ab"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "audit.jsonl"
    with AuditLog.open(path, SESSION) as log:
        for number in range(1, 21):
            log.append("test", f"event {number}", data={"text": "x" * number * 1000}, durable=False)
    return path


def test_polling_gives_each_record_once(path: Path) -> None:
    reader = AuditReader(path)
    assert [record.seq for record in reader.poll()] == list(range(1, 21))
    assert list(reader.poll()) == []
    with AuditLog.open(path, SESSION) as log:
        line = log.append("test", "later")
        (record,) = reader.poll()
    assert as_line(record) == line


def test_an_interrupted_poll_goes_on_where_it_stopped(path: Path) -> None:
    reader = AuditReader(path)
    records = reader.poll()
    assert [next(records).seq, next(records).seq] == [1, 2]
    del records
    assert next(iter(reader.poll())).seq == 3


def test_an_unfinished_line_waits(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    reader = AuditReader(path)
    assert len(list(reader.poll())) == 19
    assert last_records(path, 2)[-1].seq == 19
    with path.open("ab") as file:
        file.write(whole[-5:])
    assert [record.seq for record in reader.poll()] == [20]


def test_a_line_that_is_no_record_is_named_and_passed(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], b"garbage\r\n", *lines[1:]]))
    reader = AuditReader(path)
    with pytest.raises(ChainBroken):
        list(reader.poll())
    assert len(list(reader.poll())) == 19
    assert verify_file(path).broken_at == 2


@pytest.mark.parametrize("count", [0, 1, 5, 20, 100])
def test_the_last_records_come_in_order(path: Path, count: int) -> None:
    expected = list(range(1, 21))[-count:] if count else []
    assert [record.seq for record in last_records(path, count)] == expected


def test_a_record_is_found_by_its_number(path: Path) -> None:
    assert path.stat().st_size > 3 * BLOCK
    for seq in range(1, 21):
        record = find_record(path, seq)
        assert record is not None
        assert (record.seq, record.summary) == (seq, f"event {seq}")
    assert find_record(path, 0) is None
    assert find_record(path, 21) is None


def test_an_empty_log_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    path.touch()
    assert last_records(path, 5) == []
    assert verify_file(path, SESSION).records == 0
