"""The list of all sessions: what each key does, and how a new one is started without leaving the screen."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from ironcurtain_tui.ui.app import IronCurtainApp
from ironcurtain_tui.ui.screens.new_session import NewSession
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.screens.sessions import SessionsScreen
from ironcurtain_tui.ui.screens.starting import Starting
from ironcurtain_tui.ui.sessions import ListedSession, SessionsRoom

from .conftest import drawn
from .scripted_session import NOON, Driven, ScriptedSession, driven, scripted

DOCS = "a17be09c55d2"


@pytest.fixture
async def docs(tmp_path: Path) -> AsyncIterator[ScriptedSession]:
    async with scripted(tmp_path / "docs.sock", session_id=DOCS, workspace="/home/dev/docs") as running:
        yield running


def listed(session: ScriptedSession, **changes: object) -> ListedSession:
    info = session.keeper.info
    usual = ListedSession(info.id, info.agent_title, info.workspace, info.started, True, session.path)
    return replace(usual, **changes)  # type: ignore[arg-type]


PAST = (
    ListedSession(
        "0d4f77a1c3e2",
        "Claude Code",
        "/home/dev/shop",
        NOON - 86_400,
        False,
        Path("/nobody"),
        "stopped by the person",
        resumable=True,
        recorded=True,
    ),
    ListedSession(
        "e81f00b7a946",
        "Shell",
        "/home/dev/\x1b[31mold",
        NOON - 2 * 86_400,
        False,
        Path("/nobody"),
        "the agent exited with code 3",
        rehearsal=True,
        task=True,
    ),
)


def room(sessions: Sequence[ListedSession], script: str = "", socket: Path = Path("/nobody")) -> SessionsRoom:
    """``script``: Python that is run in the place of our command line."""
    return SessionsRoom(
        lambda: sessions,
        lambda _: socket,
        lambda: ("claude-code", "shell"),
        (sys.executable, "-c", script or "import sys"),
    )


def on_list(it: Driven) -> Callable[[], bool]:
    return lambda: isinstance(it.app.screen, SessionsScreen) and "how it ended" in it.text


async def test_without_a_tab_the_app_is_the_list_and_leaves_from_there(session: ScriptedSession) -> None:
    async with driven(room=room([listed(session), *PAST])) as it:
        await it.until(lambda: "● running" in it.text)
        assert "↻ resumable" in it.text
        assert "exited with code 3" in it.text
        assert "\x1b[31m" not in it.text
        await it.press("escape")
        await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert it.app.return_value.exit_code == 0


async def test_enter_opens_what_runs_and_escape_goes_back(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, room=room([listed(session), listed(docs), *PAST])) as it:
        await it.press("ctrl+a", "w")
        await it.until(on_list(it))
        await it.until(lambda: "● tab 1" in it.text)
        await it.until(lambda: not any(viewer._watches for viewer in session._server.viewers))
        await it.press("j", "enter")
        await it.until(lambda: "▌2 docs" in it.text)
        await it.press("ctrl+a", "w", "escape")
        assert isinstance(it.app.screen, SessionScreen)
        assert it.app.screen.feed.state is not None
        assert it.app.screen.feed.state.info.id == DOCS
        assert not session.received[-1:] or "enter" not in str(session.received)


async def test_resume_starts_the_command_line_and_opens_a_tab(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    script = f"import sys; print('args', *sys.argv[1:]); print('  \\u2713 self-test'); print('Session {DOCS} runs.')"
    async with driven(session, room=room([*PAST, listed(session)], script, docs.path)) as it:
        await it.press("ctrl+a", "w")
        await it.until(lambda: "↻ resumable" in it.text)
        await it.press("r")
        await it.until(lambda: isinstance(it.app.screen, SessionScreen) and "▌2 docs" in it.text)
        assert docs._server.viewers


async def test_a_start_that_fails_says_so_on_the_screen(session: ScriptedSession, tmp_path: Path) -> None:
    session.play()
    script = (
        "import sys; print(*sys.argv[1:], sep='\\n'); "
        "print('ironcurtain-tui: no engine \\x1b]0;title\\x07 here'); print('  > start it'); sys.exit(1)"
    )
    async with driven(session, room=room((), script)) as it:
        await it.press("ctrl+a", "c")
        assert isinstance(it.app.screen, NewSession)
        assert it.app.screen.query_one(Input).value == "/home/dev/shop"
        it.app.screen.query_one(Input).value = "/no/such/place"
        await it.press("enter")
        await it.until(lambda: "There is no such directory" in it.text)
        it.app.screen.query_one(Input).value = str(tmp_path)
        await it.press("tab", "down", "space")  # the other agent
        it.app.screen.query_one(Input).focus()
        await it.press("enter")
        await it.until(lambda: "No session was started (exit code 1)" in it.text)
        assert isinstance(it.app.screen, Starting)
        assert any(line[8:].split()[:2] == ["│", "shell"] for line in it.text.splitlines())
        assert "no engine" in it.text
        assert "\x1b" not in it.text
        await it.press("q", "escape")
        assert isinstance(it.app.screen, SessionScreen)
        assert len(it.app.tab_labels()) == 1


async def test_a_command_that_cannot_be_run_is_told(session: ScriptedSession, tmp_path: Path) -> None:
    session.play()
    broken = replace(room(()), command=(str(tmp_path / "absent"),))
    async with driven(session, room=broken) as it:
        await it.press("ctrl+a", "c")
        it.app.screen.query_one(Input).value = str(tmp_path)
        await it.press("enter")
        await it.until(lambda: "It could not be started" in it.text)


async def test_leaving_while_it_starts_kills_only_the_command_line(session: ScriptedSession, tmp_path: Path) -> None:
    session.play()
    mark = tmp_path / "pid"
    script = f"import os, time, pathlib; pathlib.Path({str(mark)!r}).write_text(str(os.getpid())); time.sleep(600)"
    async with driven(session, room=room((), script)) as it:
        await it.press("ctrl+a", "c")
        it.app.screen.query_one(Input).value = str(tmp_path)
        await it.press("enter")
        await it.until(lambda: mark.exists() and mark.read_text())
        await it.press("escape")
        assert isinstance(it.app.screen, SessionScreen)
        await it.until(lambda: not Path(f"/proc/{mark.read_text()}").exists())


async def test_stop_asks_first_and_tells_what_came_of_it(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    script = "import sys; print('told to', *sys.argv[1:])"
    async with driven(session, room=room([listed(docs), *PAST], script)) as it:
        await it.press("ctrl+a", "w")
        await it.until(lambda: DOCS in it.text)
        await it.press("x")
        await it.until(lambda: f"Stop session {DOCS}?" in it.text)
        await it.press("n")
        assert isinstance(it.app.screen, SessionsScreen)
        await it.press("x", "y")
        await it.until(lambda: f"told to stop {DOCS}" in it.text)
        await it.press("j", "x")
        assert isinstance(it.app.screen, SessionsScreen), "what has ended cannot be stopped"


async def test_nothing_kept_is_said(session: ScriptedSession) -> None:
    async with driven(session, room=room(PAST[1:])) as it:
        await it.press("ctrl+a", "w")
        await it.until(lambda: "■ ended" in it.text)
        await it.press("enter")
        await it.until(lambda: "Nothing was kept" in it.text)


async def test_the_palette_and_the_help_work_here(session: ScriptedSession) -> None:
    async with driven(session, room=room(PAST)) as it:
        await it.press("ctrl+a", "w")
        await it.until(on_list(it))
        await it.press("f1")
        await it.until(lambda: "After ^A" in it.text)
        await it.press("escape", "ctrl+a", "d")
        await it.until(lambda: it.app.return_value)
        assert isinstance(it.app, IronCurtainApp)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_list(
    session: ScriptedSession, docs: ScriptedSession, picture: SnapshotAssertion, size: tuple[int, int]
) -> None:
    session.play()
    docs.play()
    async with driven(session, size, room=room([listed(session), listed(docs), *PAST])) as it:
        await it.press("ctrl+a", "w")
        await it.until(lambda: "● tab 1" in it.text)
        await it.caught_up()
        assert drawn(it) == picture


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_asking_for_a_new_one(
    session: ScriptedSession, picture: SnapshotAssertion, size: tuple[int, int]
) -> None:
    session.play()
    async with driven(session, size, room=room(PAST)) as it:
        await it.until(lambda: "The fixture forgets" in it.text)
        await it.press("ctrl+a", "c")
        it.app.screen.query_one(Input).cursor_blink = False
        await it.caught_up()
        assert drawn(it) == picture
