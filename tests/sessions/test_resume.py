"""Which session is meant by ``run --resume``, and what is said when it cannot be."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from ironcurtain_tui.containers.identity import Identity
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import agent_state, registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.sessions.resume import find, is_resumable, taken_up

TALK = "8e0f4d5a-2c60-4a44-9d5e-3d3f2b8f0b11"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def past(
    home: Path, name: str, workspace: Path, *, started: float = 1.0, said: bool = True, agent: str = "claude-code"
) -> None:
    workspace.mkdir(exist_ok=True)
    session = SessionPaths.of(name, home)
    session.create()
    info = SessionInfo(
        id=name,
        agent=agent,
        agent_title=agent,
        workspace=str(workspace),
        rehearsal=False,
        network_mode="uds",
        started=started,
        conversation=TALK,
    )
    registry.write_json(session.record, registry.SessionRecord(info=info))
    agent_state.make(session.state, (".claude/projects",), Identity(1000, 1000))
    if said:
        (session.state / f".claude/projects/{TALK}.jsonl").write_text("{}\n")


def options(**given: object) -> Namespace:
    return Namespace(**{"resume": "", "workspace": Path(), "agent": "", **given})


def test_the_newest_on_this_workspace_is_meant(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    past(home, "a" * 12, tmp_path / "here", started=1)
    past(home, "b" * 12, tmp_path / "here", started=2)
    past(home, "c" * 12, tmp_path / "here", started=3, said=False)
    past(home, "d" * 12, tmp_path / "there", started=4)
    assert find("", tmp_path / "here").id == "b" * 12
    assert find("a", tmp_path / "there").id == "a" * 12
    monkeypatch.chdir(tmp_path / "there")
    info = taken_up(options())
    assert info is not None
    assert (info.id, info.conversation) == ("d" * 12, TALK)
    assert taken_up(options(resume=None)) is None
    assert [one.id[0] for one in registry.sessions(home) if is_resumable(one, home)] == ["d", "b", "a"]


def test_what_cannot_be_resumed_is_explained(home: Path, tmp_path: Path) -> None:
    past(home, "a0" * 6, tmp_path / "here", said=False)
    past(home, "a1" * 6, tmp_path / "here", agent="shell")
    past(home, "b0" * 6, tmp_path / "here")
    registry.take_lease(SessionPaths.of("b0" * 6, home), ProcessIdentity.current())
    past(home, "c0" * 6, tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for wanted, words in (
        ("", "No conversation on"),
        ("a", "Several sessions"),
        ("a0", "no conversation that can be taken up"),
        ("c0", "no conversation that can be taken up"),
        ("b", "still running"),
        ("e", "No session starts with"),
    ):
        with pytest.raises(UserFacingError, match=words):
            find(wanted, tmp_path / "here")


def test_it_goes_on_where_and_with_whom_it_was(home: Path, tmp_path: Path) -> None:
    past(home, "a" * 12, tmp_path / "here")
    assert taken_up(options(resume="a", workspace=tmp_path / "here", agent="claude-code"))
    with pytest.raises(UserFacingError, match="worked in"):
        taken_up(options(resume="a", workspace=tmp_path))
    with pytest.raises(UserFacingError, match="claude-code's"):
        taken_up(options(resume="a", agent="shell"))
