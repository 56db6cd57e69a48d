"""What the agent kept: taken over whole where it is harmless, never followed out of its directory, always bounded."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ironcurtain_tui.containers.identity import Identity
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import agent_state

PLACES = (".claude/projects", ".claude/other")
TALK = ".claude/projects/-workspace/talk.jsonl"
AGENT = Identity(1000, 1000)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    state = tmp_path / "kept"
    agent_state.make(state, PLACES, AGENT)
    (state / TALK).parent.mkdir()
    (state / TALK).write_text("hello\n")
    return state


def fresh(tmp_path: Path) -> Path:
    state = tmp_path / "fresh"
    agent_state.make(state, PLACES, AGENT)
    return state


def test_a_conversation_is_copied_and_is_the_agents(kept: Path, tmp_path: Path) -> None:
    (kept / TALK).chmod(0o4777)
    state = fresh(tmp_path)
    agent_state.take_over(kept, state, PLACES, AGENT)
    assert agent_state.files(state, PLACES) == [TALK]
    assert (state / TALK).read_text() == "hello\n"
    status = (state / TALK).stat()
    assert stat.S_IMODE(status.st_mode) == 0o600
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in (state, *state.rglob("*"))} == {1000}
    (state / TALK).write_text("and on\n")
    assert (kept / TALK).read_text() == "hello\n", "what goes on is another conversation from here"


def test_links_and_special_files_are_neither_followed_nor_kept(kept: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir(mode=0o755)
    (secret / "key").write_text("sk-fake")
    (secret / "key").chmod(0o644)
    place = kept / ".claude/projects"
    (place / "link").symlink_to(secret / "key")
    (place / "directory").symlink_to(secret)
    (place / "loop").symlink_to(place)
    os.mkfifo(place / "fifo")
    state = fresh(tmp_path)
    agent_state.take_over(kept, state, PLACES, AGENT)
    assert agent_state.files(state, PLACES) == [TALK]
    assert not any("sk-fake" in path.read_text() for path in state.rglob("*") if path.is_file())
    assert agent_state.settle(kept) == ""
    assert {path.name for path in place.iterdir()} == {"-workspace"}
    assert stat.S_IMODE((secret / "key").stat().st_mode) == 0o644, "what a link points at is left alone"


def test_a_place_that_became_a_link_holds_nothing(kept: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (kept / ".claude").rename(elsewhere)
    (kept / ".claude").symlink_to(elsewhere)
    assert agent_state.files(kept, PLACES) == []
    with pytest.raises(UserFacingError, match="cannot be taken over"):
        agent_state.take_over(kept, fresh(tmp_path), PLACES, AGENT)
    assert agent_state.settle(kept) == ""
    assert list(kept.iterdir()) == []
    assert (elsewhere / "projects/-workspace/talk.jsonl").exists()


def test_nothing_is_left_executable(kept: Path) -> None:
    (kept / TALK).chmod(0o6755)
    assert agent_state.settle(kept) == ""
    assert stat.S_IMODE((kept / TALK).stat().st_mode) == 0o600


@pytest.mark.parametrize("how", ["bytes", "number", "depth"])
def test_too_much_is_told_refused_and_removed(
    kept: Path, tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "bytes":
        with (kept / TALK).open("r+b") as file:
            file.truncate(agent_state.LARGEST + 1)  # a hole: it takes no space here, and would there
    elif how == "number":
        monkeypatch.setattr(agent_state, "MOST", 4)
        for number in range(4):
            (kept / f".claude/other/{number}").touch()
    else:
        (kept / ".claude/other" / "/".join("d" * (agent_state.DEEPEST + 1))).mkdir(parents=True)
    assert agent_state.measure(kept)
    assert agent_state.files(kept, PLACES) == []
    with pytest.raises(UserFacingError):
        agent_state.take_over(kept, fresh(tmp_path), PLACES, AGENT)
    assert agent_state.settle(kept)
    assert not kept.exists()


def test_nothing_kept_is_nothing_to_settle(tmp_path: Path) -> None:
    assert agent_state.settle(tmp_path / "none") == ""
    (tmp_path / "link").symlink_to(tmp_path)
    assert agent_state.settle(tmp_path / "link") == ""
    assert agent_state.files(tmp_path / "none", PLACES) == []
