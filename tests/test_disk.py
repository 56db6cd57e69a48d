"""What takes space, and giving it back: only what is provably ours, and never without the ledger."""

from __future__ import annotations

import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.cli import main
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import HASH_LABEL, ensure_image
from ironcurtain_tui.disk_usage import _proved, figure, image_usage, remove_old_images, session_usage
from ironcurtain_tui.paths import SessionPaths
from tests.conftest import engine_or_skip


def image(name: str, layers: str, label: str, created: int, *tags: str) -> dict[str, Any]:
    return {
        "Id": name,
        "RepoTags": list(tags),
        "RootFS": {"Layers": list(layers)},
        "Created": str(created),
        "Config": {"Labels": {HASH_LABEL: label}},
    }


BASE = image("base", "ab", "one", 1, "ironcurtain-base:latest")
SHELL = image("shell", "ab", "two", 2, "ironcurtain-shell:latest")
FORMER = image("former", "xyz", "three", 0)


@pytest.mark.parametrize(
    ("candidate", "ours"),
    [
        (BASE, True),
        (SHELL, True),
        (FORMER, True),
        (image("theirs", "abc", "one", 3, "project:dev"), False),
        (image("theirs, built anew", "abc", "one", 3), False),
        (image("theirs, without a layer", "ab", "one", 3), False),
        (image("built on shell", "ab", "two", 9), False),
        (image("both", "abc", "four", 3, "ironcurtain-codex:latest", "mine:1"), False),
    ],
)
def test_what_was_built_on_ours_is_not_ours(candidate: dict[str, Any], ours: bool) -> None:
    every = [BASE, SHELL, FORMER, candidate]
    assert _proved(candidate, every) is ours


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 B"), (1023, "1,023 B"), (1536, "1.5 KiB"), (200 << 20, "200 MiB"), (3 << 40, "3,072 GiB")],
)
def test_sizes_are_readable(size: int, words: str) -> None:
    assert figure(size) == words


@pytest.mark.engine
def test_only_old_images_of_ours_go() -> None:
    engine_or_skip()
    engine = Engine.connect()
    ensure_image(engine, "shell", lambda _: None)

    def build(recipe: str, labels: dict[str, str]) -> str:
        built = ""
        messages = engine.client.build(
            fileobj=io.BytesIO(recipe.encode()), labels=labels, rm=True, forcerm=True, decode=True
        )
        for message in messages:
            built = message.get("aux", {}).get("ID", built)
        return built

    mine = build(
        "FROM ironcurtain-shell\nCOPY --from=ironcurtain-shell /etc/hostname /former\n", {HASH_LABEL: "before"}
    )
    theirs = build("FROM ironcurtain-shell\nENV MINE=1\n", {})
    try:
        before = image_usage(engine)
        assert {one.id for one in before if one.old} >= {mine}
        assert theirs not in {one.id for one in before}
        removed, _ = remove_old_images(engine, [one for one in before if one.id == mine])
        assert [one.id for one in removed] == [mine]
        after = {one.id for one in image_usage(engine)}
        assert mine not in after
        assert {one.id for one in before if not one.old} <= after
        assert engine.client.inspect_image(theirs)
    finally:
        engine.client.remove_image(theirs, force=True)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ic-"))
    monkeypatch.setenv("IRONCURTAIN_HOME", str(directory))
    yield directory
    shutil.rmtree(directory)


def session(home: Path, name: str, *, records: int = 3, running: bool = False) -> SessionPaths:
    """A past session, or one whose log is still written."""
    paths = SessionPaths.of(name, home)
    paths.create()
    log = AuditLog.open(
        paths.audit_log, name, redact=Redactor(), publish=lambda _: None, notary=AuditDirectory(home).notary()
    )
    for number in range(records):
        log.append("note", f"record {number}")
    if not running:
        log.close()
        shutil.rmtree(paths.run)
    (paths.kept / "recording.cast.gz").write_bytes(b"x" * 5000)
    return paths


def test_a_past_session_goes_and_the_ledger_remembers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, gone = session(home, "aaaaaaaaaaaa"), session(home, "bbbbbbbbbbbb")
    assert main(["sessions", "rm", "bb"]) == 0
    assert "removed: session bbbbbbbbbbbb" in capsys.readouterr().out
    assert not gone.kept.exists()
    assert kept.kept.exists()
    assert AuditDirectory(home).ledger().removed("bbbbbbbbbbbb")
    assert main(["audit", "verify"]) == 0
    assert main(["sessions", "rm", "bb"]) == 1


def test_what_runs_or_does_not_verify_stays(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running, broken = session(home, "aaaaaaaaaaaa", running=True), session(home, "bbbbbbbbbbbb")
    broken.audit_log.write_bytes(broken.audit_log.read_bytes().replace(b"record 1", b"record 9"))
    assert main(["sessions", "rm", "aa", "bb"]) == 1
    told = capsys.readouterr().out
    assert "aaaaaaaaaaaa stays: it has not ended" in told
    assert "bbbbbbbbbbbb stays: its log does not verify" in told
    assert running.kept.exists()
    assert broken.kept.exists()


def test_what_sessions_take_is_told(home: Path) -> None:
    session(home, "aaaaaaaaaaaa")
    (one,) = session_usage(home)
    assert (one.id, one.recording, one.running) == ("aaaaaaaaaaaa", 5000, False)
    assert one.bytes > 5000


@pytest.mark.engine
def test_the_command_tells_programs(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine_or_skip()
    session(home, "aaaaaaaaaaaa")
    assert main(["disk", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in told["sessions"]] == ["aaaaaaaaaaaa"]
    assert {"id", "name", "bytes", "in_use", "old"} == set(told["images"][0])
    assert main(["disk"]) == 0
    assert "all images" in capsys.readouterr().out
    assert os.environ["IRONCURTAIN_HOME"] == str(home)
