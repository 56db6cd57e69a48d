"""Several sessions in one app: each with its status, one of them in front, none of them lost or mistaken."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.control.messages import ClientMessage, Key, Resize, StopSession
from ironcurtain_tui.events import (
    BadgeState,
    BellRang,
    EscalationChanged,
    Notice,
    SessionStatus,
    StatusChanged,
)
from ironcurtain_tui.ui.app import IronCurtainApp
from ironcurtain_tui.ui.screens.queue import QueueScreen
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser
from ironcurtain_tui.ui.tabs import TabLabel
from ironcurtain_tui.ui.widgets.header import tab_pieces
from ironcurtain_tui.ui.words import STATUS

from .conftest import drawn
from .scripted_session import Driven, ScriptedSession, driven, escalation, push, scripted

DOCS = "a17be09c55d2"


@pytest.fixture
async def docs(tmp_path: Path) -> AsyncIterator[ScriptedSession]:
    async with scripted(tmp_path / "docs.sock", session_id=DOCS, workspace="/home/dev/docs") as running:
        yield running


def header(it: Driven) -> str:
    return it.text.partition("\n")[0]


def sent[M: ClientMessage](session: ScriptedSession, kind: type[M]) -> list[M]:
    return [message for message in session.received if isinstance(message, kind)]


def watches(session: ScriptedSession) -> bool:
    """Whether its screen is sent to the app."""
    return any(viewer._watches for viewer in session._server.viewers)


def front(it: Driven) -> str:
    """The id of the session in front."""
    assert isinstance(it.app.screen, SessionScreen)
    assert it.app.screen.feed.state is not None
    return it.app.screen.feed.state.info.id


async def test_each_tab_has_its_status_whichever_is_in_front(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.publish(StatusChanged(status=SessionStatus.IDLE))
    async with driven(session, docs) as it:
        await it.until(lambda: "▌1 shop  ● running" in header(it))
        await it.until(lambda: "2 docs ○ idle" in header(it))
        docs.publish(StatusChanged(status=SessionStatus.RUNNING))
        await it.until(lambda: "2 docs ● running" in header(it))
        docs.publish(EscalationChanged(escalation=escalation(1)))
        await it.until(lambda: "2 docs ◆ waiting (1)" in header(it))
        await it.until(lambda: "Something waits for you there (^A 2)" in it.text)
        assert "F2 1 wait" not in header(it), "what waits elsewhere is not what F2 opens"
        docs.publish(StatusChanged(status=SessionStatus.LOST, detail="the engine went away"))
        await it.until(lambda: "2 docs ✗ lost" in header(it))


async def test_keys_go_to_the_tab_in_front_only(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("a", "ctrl+a", "2", "b")
        await it.until(lambda: sent(docs, Key))
        await it.press("ctrl+a", "n", "c", "ctrl+a", "p", "d")
        await it.until(lambda: len(sent(docs, Key)) == 2)
        assert [each.key for each in sent(session, Key)] == ["a", "c"]
        assert [each.key for each in sent(docs, Key)] == ["b", "d"]
        await it.press("ctrl+a", "7")
        assert front(it) == DOCS, "there is no seventh tab"


async def test_a_tab_in_the_background_gets_events_and_no_rows(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.draw(("docs, first",))
    async with driven(session, docs) as it:
        await it.until(lambda: "The fixture forgets" in it.text)
        assert (watches(session), watches(docs)) == (True, False)
        assert not sent(docs, Resize), "a tab that was never in front says nothing about the size"
        await it.press("ctrl+a", "2")
        await it.until(lambda: "docs, first" in it.text)
        assert sent(docs, Resize)[-1] == Resize(cols=80, lines=37)
        await it.until(lambda: (watches(session), watches(docs)) == (False, True))
        for number in range(50):
            session.draw((f"drawn {number}",))
        await it.press("ctrl+a", "1")
        await it.until(lambda: "drawn 49" in it.text)


async def test_the_size_is_right_after_it_changed_in_the_background(
    session: ScriptedSession, docs: ScriptedSession
) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("ctrl+a", "2")
        await it.until(lambda: sent(docs, Resize))
        await it.pilot.resize_terminal(90, 30)
        await it.until(lambda: sent(docs, Resize)[-1] == Resize(cols=90, lines=27))
        await it.press("ctrl+a", "1")
        await it.until(lambda: sent(session, Resize)[-1] == Resize(cols=90, lines=27))


async def test_an_open_card_stays_in_its_tab(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    session.publish(EscalationChanged(escalation=push(1)))
    async with driven(session, docs) as it:
        await it.until(lambda: "1 shop  ◆ waiting (1)" in header(it))
        await it.press("f2")
        assert isinstance(it.app.screen, QueueScreen)
        await it.press("ctrl+a", "2")
        assert front(it) == DOCS
        await it.press("a", "d", "A")
        await it.until(lambda: len(sent(docs, Key)) == 3)
        assert session.decisions == docs.decisions == []
        await it.press("ctrl+a", "1")
        assert isinstance(it.app.screen, QueueScreen)
        assert "▌1 shop" in header(it)
        assert "git.git_push" in it.text


async def test_the_prefix_works_on_a_browser_and_the_browser_stays_in_its_tab(
    session: ScriptedSession, docs: ScriptedSession
) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("ctrl+a", "f")
        await it.until(lambda: isinstance(it.app.screen, TrafficBrowser))
        await it.press("ctrl+a")
        await it.until(lambda: "To that tab" in it.text)
        await it.press("y")
        assert "To that tab" in it.text, "a slip does nothing"
        await it.press("2")
        assert front(it) == DOCS
        await it.press("ctrl+a", "1")
        await it.until(lambda: isinstance(it.app.screen, TrafficBrowser) and "To that tab" not in it.text)
        await it.press("ctrl+a", "x")
        await it.until(lambda: f"Stop session {session.keeper.info.id}?" in it.text)
        await it.press("n", "ctrl+a", "z")
        assert front(it) == session.keeper.info.id, "what is about its panels uncovers the session"
        assert not sent(session, Key)


async def test_notices_and_bells_of_another_tab_say_whose_they_are(
    session: ScriptedSession, docs: ScriptedSession
) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        docs.publish(Notice(level=BadgeState.WARN, text="the disk is nearly full"), BellRang())
        await it.until(lambda: "the disk is nearly full" in it.text)
        toast = next(line for line in it.text.splitlines() if "▌ docs" in line)
        assert toast
        await it.until(lambda: "2 docs ● running ♪" in header(it))
        await it.press("ctrl+a", "2")
        await it.until(lambda: "▲ 1 notices" in header(it))
        assert "♪" not in header(it)


async def test_closing_a_tab_leaves_its_agent_alone(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("ctrl+a", "D")
        await it.until(lambda: not session._server.viewers)
        assert front(it) == DOCS
        assert header(it).startswith(" 1 docs")
        assert not sent(session, StopSession)
        await it.press("x")
        await it.until(lambda: sent(docs, Key))
        await it.press("ctrl+a", "D")
        await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert DOCS in it.app.return_value.message


async def test_closing_the_app_names_every_session_that_runs_on(
    session: ScriptedSession, docs: ScriptedSession
) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("ctrl+a", "d")
        await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert session.keeper.info.id in it.app.return_value.message
        assert DOCS in it.app.return_value.message
        assert it.app.return_value.exit_code == 0


async def test_stopping_one_session_goes_on_with_the_other(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.press("ctrl+a", "x", "y")
        await it.until(lambda: sent(session, StopSession))
        await session.say_goodbye("stopped by the person")
        await it.until(lambda: header(it).startswith(" 1 docs"))
        await it.until(lambda: "is stopped" in it.text)
        assert not sent(docs, StopSession)


async def test_a_session_that_ends_in_the_background_keeps_its_tab(
    session: ScriptedSession, docs: ScriptedSession
) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await docs.vanish()
        await it.until(lambda: "2 docs ✗ lost" in header(it))
        assert front(it) == session.keeper.info.id
        await it.press("ctrl+a", "2")
        await it.until(lambda: "fail closed" in it.text)
        await it.press("q")
        await it.until(lambda: front(it) == session.keeper.info.id)
        assert it.app.is_running


async def test_a_session_that_cannot_be_reached_closes_its_tab_and_says_why(
    session: ScriptedSession, tmp_path: Path
) -> None:
    session.play()
    async with driven(session) as it:
        assert isinstance(it.app, IronCurtainApp)
        it.app.open_tab(tmp_path / "nobody.sock")
        await it.until(lambda: "does not answer" in it.text)
        assert front(it) == session.keeper.info.id


async def test_opening_what_is_open_brings_it_to_the_front(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        it.app.open_tab(docs.path)
        await it.caught_up()
        assert front(it) == DOCS
        assert len(it.app.tab_labels()) == 2


async def test_the_palette_names_the_tabs(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.until(lambda: "2 docs" in header(it))
        await it.press("ctrl+a", "f")
        await it.until(lambda: isinstance(it.app.screen, TrafficBrowser))
        await it.press("ctrl+a", "colon")
        await it.press(*"docs")
        await it.until(lambda: "To tab 2: docs" in it.text)
        await it.press("enter")
        await it.until(lambda: front(it) == DOCS)


async def test_a_click_on_a_tab_brings_it_to_the_front(session: ScriptedSession, docs: ScriptedSession) -> None:
    session.play()
    docs.play()
    async with driven(session, docs) as it:
        await it.until(lambda: "2 docs" in header(it))
        await it.pilot.click("#header", offset=(header(it).index("2 docs"), 0))
        await it.until(lambda: front(it) == DOCS)


@pytest.mark.parametrize("count", [1, 2, 5, 9, 12])
@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_tab_in_front_is_always_whole(count: int, width: int) -> None:
    labels = [
        TabLabel(f"workspace-{number}", STATUS[SessionStatus.IDLE], "", waiting=number % 3, current=number == 1)
        for number in range(1, count + 1)
    ]
    text = "  ".join(piece.text for piece in tab_pieces(labels, width))
    assert "1 workspace-1" in text
    assert "○ idle (1)" in text
    for number in range(2, count + 1):
        assert f"│ {number} " in text
    if count < 3:
        assert len(text) <= width // 2 + 8


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_three_tabs(
    session: ScriptedSession, docs: ScriptedSession, tmp_path: Path, picture: SnapshotAssertion, size: tuple[int, int]
) -> None:
    async with scripted(tmp_path / "api.sock", session_id="0" * 12, workspace="/home/dev/api") as api:
        session.play()
        docs.publish(
            StatusChanged(status=SessionStatus.WAITING), EscalationChanged(escalation=escalation(1)), BellRang()
        )
        api.publish(StatusChanged(status=SessionStatus.ENDED, detail="the agent exited with code 0"))
        async with driven(session, docs, api, size) as it:
            await it.until(lambda: "The fixture forgets" in it.text)
            await it.until(lambda: "◆" in header(it) and "■" in header(it))
            it.app.clear_notifications()
            await it.caught_up()
            assert drawn(it) == picture
