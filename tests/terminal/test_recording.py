"""Recordings that asciinema plays."""

from __future__ import annotations

import gzip
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.terminal.recording import Recorder, parts


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def events(path: Path) -> list[Any]:
    packed = path if path.suffix == ".gz" else path.with_name(f"{path.name}.gz")
    content = gzip.decompress(packed.read_bytes()) if packed.exists() else path.read_bytes()
    return [json.loads(line) for line in content.decode().splitlines()]


def test_header_and_events_are_asciicast_v2(tmp_path: Path) -> None:
    clock = Clock()
    path = tmp_path / "r.cast"
    recorder = Recorder(path, 80, 24, title="Claude Code", clock=clock)
    recorder.output(b"hello\x1b[1m\r\n")
    clock.now += 1.5
    recorder.resize(100, 30)
    recorder.marker("denied: GET example.org")
    recorder.typed("ü\r".encode())
    recorder.close()
    recorder.close()
    header, *rest = events(path)
    assert header["version"] == 2
    assert (header["width"], header["height"], header["title"]) == (80, 24, "Claude Code")
    assert rest == [
        [0.0, "o", "hello\x1b[1m\r\n"],
        [1.5, "r", "100x30"],
        [1.5, "m", "denied: GET example.org"],
        [1.5, "i", "ü\r"],
    ]


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


def test_a_recording_is_compressed_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "r.cast"
    recorder = Recorder(path, 80, 24)
    recorder.output(b"x" * 10_000)
    plain = path.read_bytes()
    recorder.close()
    recorder.close()
    assert [one.name for one in tmp_path.iterdir()] == ["r.cast.gz"]
    assert gzip.decompress((tmp_path / "r.cast.gz").read_bytes()) == plain
    assert stat.S_IMODE((tmp_path / "r.cast.gz").stat().st_mode) == 0o600


def test_a_long_recording_keeps_its_newest_parts(tmp_path: Path) -> None:
    path = tmp_path / "r.cast"
    recorder = Recorder(path, 80, 24, title="T", limit=8_000)
    for number in range(200):
        recorder.output(f"{number:03} ".encode() + b"x" * 100)
        if number == 150:
            recorder.resize(100, 30)
    recorder.close()
    files = parts(path)
    newest = events(files[-1])[0]["ironcurtain"]["part"]
    assert newest > 5
    assert [file.name for file in files] == [*(f"r-{newest - back}.cast.gz" for back in (3, 2, 1)), "r.cast.gz"]
    assert {file.name for file in tmp_path.iterdir()} == {file.name for file in files}
    numbers = []
    for file in files:
        header, *rest = events(file)
        assert (header["version"], header["title"]) == (2, "T")
        assert len(gzip.decompress(file.read_bytes())) < 2_300
        numbers += [int(event[2][:3]) for event in rest if event[1] == "o"]
    assert numbers == list(range(numbers[0], 200))
    assert events(files[-1])[0]["width"] == 100


def test_a_part_that_cannot_be_begun_ends_the_recording(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "r.cast"
    recorder = Recorder(path, 80, 24, limit=2_000, on_stop=said.append)
    (tmp_path / "r-1.cast").mkdir()
    for _ in range(10):
        recorder.output(b"x" * 100)
    recorder.close()
    assert said == ["recording stopped: Is a directory"]
    assert 500 <= path.stat().st_size < 700


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
