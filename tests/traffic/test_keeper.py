"""What is kept of traffic: bounded, decoded, without secrets, and never in the way."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.events import Decision, Flow, FlowState
from ironcurtain_tui.traffic.capture import Budget, Part
from ironcurtain_tui.traffic.keeper import MEMORY, PARTS, TrafficKeeper
from ironcurtain_tui.traffic.kept import Body, KeptFlow
from ironcurtain_tui.traffic.reader import TrafficReader
from ironcurtain_tui.traffic.ring import part_numbers, part_path
from tests.small_disk import small_file_system
from tests.whole_log import verify_file

SECRET = "sk-ant-api03-not-a-real-key-0123456789"
LIMIT = 1024
Make = Callable[..., TrafficKeeper]


def flow(name: str) -> Flow:
    return Flow(
        id=name,
        started=1.0,
        method="POST",
        host="api.example.org",
        port=443,
        path="/x",
        decision=Decision.ALLOW,
        state=FlowState.DONE,
    )


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the machine, what waits is written."""
    monkeypatch.setattr("ironcurtain_tui.traffic.keeper.CLOSE_SECONDS", 100.0)
    monkeypatch.setattr("ironcurtain_tui.traffic.cleaning.SECONDS", 60.0)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[TrafficKeeper] = []

    def keeper(
        settings: TrafficSettings | None = None, told: list[str] | None = None, reserve: int = 0
    ) -> TrafficKeeper:
        words = [] if told is None else told
        settings = settings or TrafficSettings(max_body="1KiB")
        made.append(
            TrafficKeeper(
                tmp_path / "traffic",
                settings,
                RedactionSettings(),
                [SECRET],
                lambda *said: words.extend(said),
                reserve=reserve,
            )
        )
        return made[-1]

    yield keeper
    for each in made:
        each.close()


def keep(
    keeper: TrafficKeeper, name: str, body: bytes = b"", *headers: tuple[str, str], target: str = "/x?a=1"
) -> None:
    capture = keeper.begin()
    capture.target = target
    capture.response.head(headers)
    for start in range(0, len(body), 100):
        capture.response.feed(body[start : start + 100])
    keeper.keep(capture, flow(name))


def kept(tmp_path: Path, name: str = "f1") -> KeptFlow:
    reader = TrafficReader(tmp_path / "traffic")
    reader.poll()
    found = reader.read(name)
    assert found is not None
    return found


def body_of(make: Make, tmp_path: Path, body: bytes, *headers: tuple[str, str]) -> Body:
    keeper = make()
    keep(keeper, "f1", body, *headers)
    keeper.close()
    return kept(tmp_path).response.body


def test_a_flow_comes_back_as_it_was(make: Make, tmp_path: Path) -> None:
    keeper = make()
    keep(keeper, "f1", b'{"a": "\xc3\xa4"}', ("content-type", "application/json"))
    keeper.close()
    found = kept(tmp_path)
    assert found.flow == flow("f1")
    assert found.target == "/x?a=1"
    assert found.response.headers == (("content-type", "application/json"),)
    assert found.response.body == Body(size=11, text='{"a": "ä"}')
    assert found.request.body == Body()
    assert found.mono_us > 0


def test_a_file_is_plain_gzip_and_only_its_owners(make: Make, tmp_path: Path) -> None:
    keeper = make()
    keep(keeper, "f1", b"one")
    keep(keeper, "f2", b"two")
    keeper.close()
    path = part_path(tmp_path / "traffic", 1)
    lines = subprocess.run(["zcat", path], capture_output=True, check=True).stdout.splitlines()
    assert [json.loads(line)["response"]["body"]["text"] for line in lines] == ["one", "two"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT, LIMIT + 1, LIMIT + 2000, 50_000])
def test_only_the_beginning_is_kept_and_it_is_said(make: Make, tmp_path: Path, size: int) -> None:
    body = body_of(make, tmp_path, b"x" * size)
    assert (body.size, len(body.text), body.cut) == (size, min(size, LIMIT), size > LIMIT)


def test_what_looks_like_a_secret_is_not_kept(make: Make, tmp_path: Path) -> None:
    body = body_of(make, tmp_path, b'{"token": "ghp_' + b"a" * 36 + b'", "at": 1790000000123}')
    assert body.text == '{"token": "[redacted github]", "at": 1790000000123}'


@pytest.mark.parametrize("start", [0, 500, LIMIT - len(SECRET), LIMIT - 20, LIMIT - 1])
def test_a_secret_is_not_kept_wherever_it_stands(make: Make, tmp_path: Path, start: int) -> None:
    body = body_of(make, tmp_path, b"a" * (start - 1) + b" " * (start > 0) + SECRET.encode() + b" end" * 500)
    assert SECRET[:10] not in body.text
    binary = body_of(make, tmp_path, b"\xff" * start + SECRET.encode() + b"\xff" * 900)
    assert binary.data
    assert SECRET[:10].encode() not in binary.raw


def test_secrets_in_headers_and_target_are_not_kept(make: Make, tmp_path: Path) -> None:
    keeper = make()
    keep(keeper, "f1", b"", ("x-echo", f"a {SECRET} b"), target=f"/x?key={SECRET}")
    keeper.close()
    assert SECRET.encode() not in gzip.decompress(part_path(tmp_path / "traffic", 1).read_bytes())
    assert "[redacted" in kept(tmp_path).response.header("x-echo")


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that nothing can compress."""
    return b"".join(hashlib.sha256(b"%d %d" % (seed, start)).digest() for start in range(0, size, 32))[:size]


TEXT = b'{"answer": 42}' * 20


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("gzip", gzip.compress(TEXT)),
        ("X-GZIP", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", zlib.compress(TEXT, wbits=-15)),
        ("br", brotli.compress(TEXT)),
        ("zstd", zstandard.compress(TEXT)),
        ("gzip, br", brotli.compress(gzip.compress(TEXT))),
        ("identity", TEXT),
    ],
    ids=["gzip", "x-gzip", "zlib", "bare deflate", "br", "zstd", "two", "identity"],
)
def test_content_codings_are_undone(make: Make, tmp_path: Path, coding: str, data: bytes) -> None:
    body = body_of(make, tmp_path, data, ("Content-Encoding", coding))
    assert (body.text.encode(), body.cut, body.size) == (TEXT, False, len(data))
    assert body.coding == ("" if coding == "identity" else coding)


def test_a_coded_body_that_is_cut_is_undone_as_far_as_it_goes(make: Make, tmp_path: Path) -> None:
    text = noise(9000).hex().encode()
    body = body_of(make, tmp_path, gzip.compress(text), ("content-encoding", "gzip"))
    assert body.cut
    assert len(body.text) > 500
    assert text.startswith(body.text.encode())


def test_a_bomb_and_nonsense_cost_nothing_but_themselves(make: Make, tmp_path: Path) -> None:
    keeper = make()
    bomb = brotli.compress(b"\0" * (256 << 20), quality=3)
    keep(keeper, "f1", bomb, ("content-encoding", "br"))
    keep(keeper, "f2", gzip.compress(b"\0" * (64 << 20)), ("content-encoding", "gzip"))
    keep(keeper, "f3", b"nonsense", ("content-encoding", "gzip"))
    keep(keeper, "f4", b"nonsense", ("content-encoding", "lzma"))
    keep(keeper, "f5", gzip.compress(TEXT), ("content-encoding", "gzip"))
    keeper.close()
    assert kept(tmp_path, "f2").response.body.cut
    assert kept(tmp_path, "f3").response.body.missing == "it is not coded as it says"
    assert "not known" in kept(tmp_path, "f4").response.body.missing
    assert kept(tmp_path, "f5").response.body.text.encode() == TEXT


def test_bodies_can_be_left_out(make: Make, tmp_path: Path) -> None:
    keeper = make(TrafficSettings(keep="headers"))
    keep(keeper, "f1", b"words", ("content-type", "text/plain"))
    keeper.close()
    found = kept(tmp_path)
    assert found.response.header("content-type") == "text/plain"
    assert found.response.body.size == 5
    assert "words" not in json.dumps(str(found))


def test_the_ring_stays_within_its_size(make: Make, tmp_path: Path) -> None:
    keeper = make(TrafficSettings(max_body="1KiB", max_size="64KiB"))
    for number in range(300):
        keep(keeper, f"f{number}", noise(500, number).hex().encode())
    keeper.close()
    directory = tmp_path / "traffic"
    assert sum(path.stat().st_size for path in directory.iterdir()) < 64 << 10
    assert len(part_numbers(directory)) == PARTS
    reader = TrafficReader(directory)
    names = [each.id for each, _ in reader.poll()]
    assert names == [f"f{number}" for number in range(300 - len(names), 300)]
    assert reader.read("f0") is None


def test_a_full_disk_ends_the_keeping_and_nothing_else(make: Make, tmp_path: Path) -> None:
    told: list[str] = []
    keeper = make(told=told, reserve=1 << 60)
    for number in range(3):
        keep(keeper, f"f{number}", b"words")
    keeper.close()
    assert len(told) == 2
    assert "no longer kept: less than" in told[0]
    assert TrafficReader(tmp_path / "traffic").poll() == []


def test_a_directory_that_cannot_be_made_ends_the_keeping_and_nothing_else(make: Make, tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "traffic").write_text("a file")
    keeper = make(told=told)
    keep(keeper, "f1", b"words")
    keeper.close()
    assert told


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    with small_file_system(tmp_path / "disk", "256k") as disk:
        yield disk


def test_on_a_really_full_disk_what_is_kept_stays_whole_and_the_audit_log_goes_on(small_disk: Path) -> None:
    told: list[str] = []
    limits = TrafficSettings(max_body="64KiB", max_size="4MiB")
    keeper = TrafficKeeper(
        small_disk / "traffic", limits, RedactionSettings(), [], lambda *said: told.extend(said), reserve=0
    )
    with AuditLog.open(small_disk / "audit.jsonl", "0" * 12) as audit:
        for number in range(20):
            keep(keeper, f"f{number}", noise(30_000, number).hex().encode())
        keeper.close()
        assert len(told) == 2
        assert "no longer kept" in told[0]
        found = TrafficReader(small_disk / "traffic").poll()
        assert 0 < len(found) < 20
        assert [flow.id for flow, _ in found] == [f"f{number}" for number in range(len(found))]
        for number in range(20):
            audit.append("test", f"record {number}")
    assert verify_file(small_disk / "audit.jsonl").ok


def test_memory_is_bounded_and_given_back() -> None:
    budget = Budget(1000)
    parts = [Part(budget, 400) for _ in range(4)]
    for part in parts:
        part.feed(b"x" * 600)
    assert [len(part.body) for part in parts] == [400, 400, 0, 0]
    assert [part.starved for part in parts] == [False, False, True, True]
    assert [part.size for part in parts] == [600] * 4
    parts[0].forget()
    late = Part(budget, 400)
    late.feed(b"x" * 200)
    assert len(late.body) == 200


def test_what_was_remembered_is_given_back_when_it_is_written(make: Make) -> None:
    keeper = make()
    for number in range(50):
        keep(keeper, f"f{number}", b"x" * 2000)
    keeper.close()
    assert keeper._budget.take(MEMORY)


def test_a_reader_follows_a_writer(make: Make, tmp_path: Path) -> None:
    keeper = make()
    reader = TrafficReader(tmp_path / "traffic")
    assert reader.poll() == []
    keep(keeper, "f1", b"one")
    keeper.close()
    assert [each.id for each, _ in reader.poll()] == ["f1"]
    assert reader.poll() == []
    path = part_path(tmp_path / "traffic", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:40])  # a crash, or a write under way
    assert reader.poll() == []
    path.write_bytes(whole + whole)
    assert [each.id for each, _ in reader.poll()] == ["f1"]


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 300))
def test_a_damaged_file_never_breaks_the_reader(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    directory = tmp_path_factory.mktemp("traffic")
    member = gzip.compress(b'{"flow": {}, "mono_us": 1}\n')
    part_path(directory, 1).write_bytes(member[:at] + junk + member[at:])
    assert TrafficReader(directory).poll() == []
