"""The person's own line to the agent: opened by key or click, sent as one message, with history and completion."""

from __future__ import annotations

from pathlib import Path

import msgspec
from textual import events

from ironcurtain_tui.control.messages import Key, Say
from ironcurtain_tui.events import EscalationChanged, PersonSaid, Utterance, WordSource

from .scripted_session import NOON, Driven, ScriptedSession, driven, push


def said(session: ScriptedSession) -> list[str]:
    return [message.text for message in session.received if isinstance(message, Say)]


def utterance(text: str) -> PersonSaid:
    return PersonSaid(utterance=Utterance(text=text, time=NOON, source=WordSource.TRUSTED_LINE))


async def write(it: Driven, text: str) -> None:
    await it.press(*[{" ": "space", "\n": "alt+enter"}.get(each, each) for each in text])


async def test_what_is_written_is_one_message_and_no_key_of_it_reaches_the_agent(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        assert "Your words to the agent" in it.text
        await write(it, "push it\nto origin")
        await it.press("enter")
        await it.until(lambda: said(session) == ["push it\nto origin"])
        assert "Your words to the agent" not in it.text
        await it.press("z")
        await it.until(lambda: [each.key for each in session.received if isinstance(each, Key)] == ["z"])


async def test_a_burst_of_keys_is_sent_whole(session: ScriptedSession) -> None:
    """Enter overtakes no letter, however fast they come."""
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        for key in [*"quick", "enter"]:
            it.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await it.until(lambda: said(session) == ["quick"])


async def test_a_click_on_the_bottom_line_opens_it(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        footer = it.text.splitlines()[-1]
        at = footer.index("^A i write")
        await it.pilot.click("#footer", offset=(at + 2, 0))
        await it.until(lambda: "Your words to the agent" in it.text)


async def test_escape_keeps_what_was_written_and_an_empty_line_is_not_sent(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i", "enter")
        await write(it, "half a th")
        await it.press("escape")
        assert "half a th" not in it.text
        await it.press("ctrl+a", "i")
        assert "half a th" in it.text
        await write(it, "ought")
        await it.press("enter")
        await it.until(lambda: said(session) == ["half a thought"])


async def test_what_any_viewer_said_before_can_be_said_again(session: ScriptedSession) -> None:
    session.play()
    session.publish(utterance("first thing"), utterance("second\nthing"))
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        await write(it, "draft")
        await it.press("up")
        assert "thing" in it.text
        await it.press("up", "up")
        assert "first thing" in it.text
        await it.press("down", "down", "down")
        assert "draft" in it.text
        await it.press("up", "up", "up", "enter")
        await it.until(lambda: said(session) == ["first thing"])


async def test_a_path_of_the_workspace_is_completed(session: ScriptedSession, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "login.py").write_text("")
    session.keeper.info = msgspec.structs.replace(session.keeper.info, workspace=str(tmp_path))
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        await write(it, "fix @s")
        await it.press("tab")
        await it.until(lambda: "fix @src/" in it.text)
        await it.press("tab")
        await it.until(lambda: "fix @src/login.py" in it.text)
        await it.press("enter")
        await it.until(lambda: said(session) == ["fix @src/login.py"])


async def test_a_paste_goes_in_as_text_and_nothing_else(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        it.app.post_message(events.Paste("one\r\ntwo\x1b[31m\x07"))
        await it.until(lambda: "two" in it.text)
        await it.press("enter")
        await it.until(lambda: said(session) == ["one\ntwo[31m"])


async def test_a_card_that_comes_does_not_take_the_line_away(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "i")
        await write(it, "go ")
        session.publish(EscalationChanged(escalation=push()))
        await it.until(lambda: "git" in it.text)
        await write(it, "a d on")
        await it.press("enter")
        await it.until(lambda: said(session) == ["go a d on"])
        assert session.decisions == []
