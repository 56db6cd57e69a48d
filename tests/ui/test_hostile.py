"""Text of the agent's choice in every place where the screen shows some."""

from __future__ import annotations

import unicodedata

import pytest
from rich.cells import cell_len

from ironcurtain_tui.events import (
    AuditAppended,
    AuditLine,
    Badge,
    BadgeChanged,
    BadgeState,
    Decision,
    FlowChanged,
    Notice,
    SessionStatus,
    StatusChanged,
    StepChanged,
    TitleChanged,
)

from .scripted_session import NOON, Driven, ScriptedSession, driven, flow

HOSTILE = (
    "[red]x[/red][@click=app.quit]y[/]"  # markup
    "\x1b[2J\x1b]0;z\x07\x9b31m\r\n\t\x00"  # controls
    "\u202e\u2066\u200b\u200d\ufe0f\u2028\U000e0041"  # invisible
    "\U0001f3fd\U0001f1e9\U0001f1eae\u0301\u0301\u0301\u0301"  # joined to their neighbours
)


def publish_everywhere(session: ScriptedSession) -> None:
    session.publish(
        TitleChanged(title=HOSTILE),
        StepChanged(step=HOSTILE, state=BadgeState.FAIL, detail=HOSTILE),
        BadgeChanged(badge=Badge(name="b", state=BadgeState.WARN, text=HOSTILE, detail=HOSTILE)),
        StatusChanged(status=SessionStatus.WAITING, detail=HOSTILE),
        FlowChanged(flow=flow(1, method=HOSTILE, host=HOSTILE, path=HOSTILE, content_type=HOSTILE)),
        FlowChanged(flow=flow(2, decision=Decision.DENY, reason=HOSTILE, host="h" * 5000, path=HOSTILE * 50)),
        AuditAppended(line=AuditLine(seq=1, time=NOON, kind=HOSTILE, summary=HOSTILE)),
        Notice(level=BadgeState.WARN, text=HOSTILE, remedy=HOSTILE, time=NOON),
    )


def assert_harmless(it: Driven) -> None:
    for strip in it.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in strip)
        assert cell_len(text) == it.app.size.width
        for segment in strip:
            assert segment.control is None
            assert not (segment.style and segment.style.link)
            for char in segment.text:
                assert unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}, hex(ord(char))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)])
async def test_nothing_breaks_out_of_the_start(session: ScriptedSession, size: tuple[int, int]) -> None:
    async with driven(session, size) as it:
        publish_everywhere(session)
        await it.until(lambda: "[red]x[/red]" in it.text)
        assert_harmless(it)


@pytest.mark.parametrize(
    ("size", "keys"),
    [
        ((200, 50), []),
        ((200, 50), ["ctrl+a", "x"]),
        ((120, 40), []),
        ((120, 40), ["f3"]),
        ((120, 40), ["f3", "enter"]),
        ((120, 40), ["f3", "k", "enter"]),
        ((120, 40), ["f4"]),
        ((120, 40), ["f1"]),
        ((80, 24), []),
        ((80, 24), ["f4", "enter"]),
        ((80, 24), ["ctrl+a", "N"]),
    ],
    ids=str,
)
async def test_nothing_breaks_out_of_any_panel_or_dialog(
    session: ScriptedSession, size: tuple[int, int], keys: list[str]
) -> None:
    publish_everywhere(session)
    session.draw()
    async with driven(session, size) as it:
        await it.until(lambda: "Welcome" in it.text)
        await it.press(*keys)
        await it.until(lambda: it.text.strip())
        assert_harmless(it)


async def test_a_toast_shows_markup_as_text(session: ScriptedSession) -> None:
    session.draw()
    async with driven(session) as it:
        publish_everywhere(session)
        await it.until(lambda: "[@click=app.quit]" in it.text)
        assert_harmless(it)


async def test_a_long_value_is_whole_in_the_details_and_says_its_length(session: ScriptedSession) -> None:
    session.draw()
    session.publish(FlowChanged(flow=flow(1, path="/" + "a" * 998 + "z")))
    async with driven(session, (120, 60)) as it:
        await it.press("f3", "enter")
        await it.until(lambda: "(1,000 characters)" in it.text)
        shown = "".join(line.strip(" │") for line in it.text.splitlines())
        assert shown.count("a" * 998 + "z") == 1


async def test_a_goodbye_is_text(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await session.say_goodbye(HOSTILE)
        await it.until(lambda: "The session is over" in it.text)
        assert_harmless(it)
