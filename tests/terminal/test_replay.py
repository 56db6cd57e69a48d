"""Recordings read back, whole or torn, and put on one time axis with the audit log."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest
from asciinema.asciicast import open_from_url  # type: ignore[import-untyped]

from ironcurtain_tui.audit.chain import parse
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.terminal.recording import Recorder, compress, parts
from ironcurtain_tui.terminal.replay import Event, Replay, parse_size


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def recorded(path: Path, limit: int = 1 << 20, seconds: int = 10) -> Recorder:
    """A word every second, a marker in second 3, a new size in second 5."""
    clock = Clock()
    recorder = Recorder(path, 80, 24, limit=limit, clock=clock)
    for second in range(seconds):
        clock.now = 100.0 + second
        recorder.output(f"word {second} ".encode() + b"x" * 50)
        if second == 3:
            recorder.marker("escalation: git.push")
        if second == 5:
            recorder.resize(100, 30)
    return recorder


def words(replay: Replay) -> list[tuple[float, str]]:
    return [(event.time, event.data.split(" x")[0]) for event in replay.events if event.code == "o"]


@pytest.mark.parametrize("limit", [1 << 20, 1_600])
def test_a_recording_is_one_time_axis_whatever_its_parts(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "r.cast"
    recorder = recorded(path, limit)
    for _ in range(2):
        replay = Replay.load(path)
        assert words(replay) == [(float(second), f"word {second}") for second in range(10)]
        assert (replay.duration, replay.size, replay.cut) == (9.0, (80, 24), False)
        assert [event.data for event in replay.markers] == ["escalation: git.push"]
        assert [replay.size_before(replay.until(second)) for second in (0, 4.9, 5, 9)] == [
            (80, 24),
            (80, 24),
            (100, 30),
            (100, 30),
        ]
        recorder.close()  # and now from the packed files
    assert len(parts(path)) == (1 if limit > 10_000 else 3)


def test_seeking_and_markers(tmp_path: Path) -> None:
    recorded(tmp_path / "r.cast").close()
    replay = Replay.load(tmp_path / "r.cast")
    assert [replay.until(second) for second in (-1, 0, 0.5, 2.9, 3, 100)] == [0, 1, 1, 3, 5, 12]
    marker = replay.markers[0]
    assert (replay.next_marker(0), replay.next_marker(3), replay.next_marker(2.99)) == (marker, None, marker)
    assert (replay.previous_marker(3), replay.previous_marker(3.1)) == (None, marker)


def test_what_was_cut_at_the_beginning_is_said(tmp_path: Path) -> None:
    recorded(tmp_path / "r.cast", limit=1_600, seconds=60).close()
    replay = Replay.load(tmp_path / "r.cast")
    assert replay.cut
    found = [int(word.removeprefix("word ")) for _, word in words(replay)]
    assert found == list(range(found[0], 60))
    assert words(replay)[0][0] == 0.0
    assert replay.size == (100, 30)


@pytest.mark.parametrize("packed", [False, True])
def test_a_torn_end_loses_no_more_than_its_event(tmp_path: Path, packed: bool) -> None:
    path = tmp_path / "r.cast"
    recorded(path)
    whole = path.read_bytes()
    for cut in range(len(whole) - 200, len(whole), 9):
        path.write_bytes(whole[:cut])
        assert len(Replay.load(path).events) == whole[:cut].count(b"\n") - 1
    if packed:
        path.write_bytes(whole)
        compress(path)
        small = path.with_name("r.cast.gz").read_bytes()
        path.with_name("r.cast.gz").write_bytes(small[:-30])
        assert 0 < len(Replay.load(path).events) <= 12


def test_lines_that_are_no_events_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "r.cast"
    rows = [
        "garbage",
        "[]",
        "[1, 2, 3]",
        "{}",
        '[NaN, "o", "x"]',
        '[2, "z", "x"]',
        '[3, "o", "good"]',
        '[1, "o", "back"]',
    ]
    path.write_text(
        json.dumps({"version": 2, "width": 80, "height": 24, "timestamp": 5}) + "\n" + "\n".join(rows) + "\n"
    )
    assert Replay.load(path).events == [Event(3.0, "o", "good"), Event(3.0, "o", "back")]


@pytest.mark.parametrize("content", [b"", b"{}\n", b"[1]\n", b"\xff\n", b'{"version": 1}\n'])
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.cast"
    with pytest.raises(UserFacingError, match="There is no recording"):
        Replay.load(path)
    path.write_bytes(content)
    with pytest.raises(UserFacingError, match="is no recording"):
        Replay.load(path)


def test_an_audit_record_has_its_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with AuditLog.open(tmp_path / "audit.jsonl", "0123456789ab") as log:
        recorder = Recorder(tmp_path / "r.cast", 80, 24)
        time.sleep(0.2)
        now = time.time_ns
        monkeypatch.setattr("time.time_ns", lambda: now() + 3600 * 10**9)  # the wall clock jumps
        log.append("test", "something")
        recorder.output(b"then this")
        recorder.close()
    record = parse((tmp_path / "audit.jsonl").read_bytes().splitlines()[0])
    replay = Replay.load(tmp_path / "r.cast")
    assert 0.19 < replay.second_of(record.time_us, record.mono_us) <= replay.events[0].time
    assert replay.second_of(1, 1) == 0.0
    assert replay.second_of(record.time_us) == replay.duration
    assert abs(replay.time_us_at(0.1) - now() // 1000) < 60_000_000


def test_sizes() -> None:
    assert parse_size("80x24") == (80, 24)
    for wrong in ("", "80", "x", "0x5", "80x-4", "99999999x1", "８０x24", "80x24x2"):
        assert parse_size(wrong) is None


@pytest.mark.parametrize("limit", [1 << 20, 1_600])
def test_asciinema_reads_every_part(tmp_path: Path, limit: int) -> None:
    path = tmp_path / "r.cast"
    recorded(path, limit).close()
    for number, part in enumerate(parts(path)):
        plain = tmp_path / f"plain-{number}.cast"
        plain.write_bytes(gzip.decompress(part.read_bytes()))
        with open_from_url(str(plain)) as cast:
            read = list(cast.events())
            assert cast.v2_header["version"] == 2
        assert [event[1] for event in read if event[1] not in {"o", "m", "r"}] == []
        assert any("word" in event[2] for event in read)
