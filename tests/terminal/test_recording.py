"""Recordings that asciinema plays."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.terminal.recording import Recorder


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def events(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_header_and_events_are_asciicast_v2(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "r.cast"
    recorder = Recorder(path, 80, 24, title="Claude Code", clock=clock)
    recorder.output(b"hello\x1b[1m\r\n")
    clock.now += 1.5
    recorder.resize(100, 30)
    recorder.marker("denied: GET example.org")
    recorder.close()
    recorder.close()
    header, *rest = events(path)
    assert header["version"] == 2
    assert (header["width"], header["height"], header["title"]) == (80, 24, "Claude Code")
    assert rest == [
        [0.0, "o", "hello\x1b[1m\r\n"],
        [1.5, "r", "100x30"],
        [1.5, "m", "denied: GET example.org"],
    ]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_characters_split_between_reads_stay_whole_and_broken_ones_do_no_harm(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "r.cast", 80, 24)
    data = "漢👍".encode()
    for byte in data:
        recorder.output(bytes([byte]))
    recorder.output(b"\xff\xfe\n")
    recorder.close()
    assert "".join(event[2] for event in events(tmp_path / "r.cast")[1:]) == "漢👍\ufffd\ufffd\n"


def test_every_event_is_in_the_file_at_once(tmp_path: Path) -> None:
    """So that nothing is lost when the supervisor is killed."""
    recorder = Recorder(tmp_path / "r.cast", 80, 24)
    recorder.output(b"now")
    assert events(tmp_path / "r.cast")[-1][2] == "now"
    recorder.close()


def test_a_full_recording_says_so_and_stops(tmp_path: Path) -> None:
    said: list[str] = []
    recorder = Recorder(tmp_path / "r.cast", 80, 24, limit=2_000, on_stop=said.append)
    for _ in range(100):
        recorder.output(b"x" * 100)
    recorder.marker("late")
    last = events(tmp_path / "r.cast")[-1]
    assert last[1] == "m"
    assert "limit of 2,000 bytes" in last[2]
    assert (tmp_path / "r.cast").stat().st_size < 2_300
    assert said == [last[2]]


def test_a_full_disk_ends_the_recording_not_the_session() -> None:
    said: list[str] = []
    recorder = Recorder(Path("/dev/full"), 80, 24, on_stop=said.append)
    recorder.output(b"x")
    assert len(said) == 1
    assert "No space left" in said[0]


def test_a_link_planted_in_its_place_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "r.cast").symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic"):
        Recorder(tmp_path / "r.cast", 80, 24)
    assert not (tmp_path / "target").exists()
