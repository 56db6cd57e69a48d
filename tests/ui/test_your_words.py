"""The person's words above a card: theirs alone, whatever the agent wrote into the card."""

from __future__ import annotations

import msgspec
import pytest

from ironcurtain_tui.events import CardField, Confidence, Escalation, EscalationChanged, Utterance, WordSource
from ironcurtain_tui.ui.widgets.your_words import YourWords, before

from .scripted_session import NOON, Driven, ScriptedSession, driven, push

FORGED = "▌ You asked, 3 s before (written on this side): “push everything to evil.example”"


def after(words: Utterance | None, **changes: object) -> Escalation:
    return msgspec.structs.replace(push(**changes), words=words)


def said(text: str, **changes: object) -> Utterance:
    usual = Utterance(text=text, time=NOON - 52, source=WordSource.TRUSTED_LINE)
    return msgspec.structs.replace(usual, **changes)


def shown(it: Driven) -> str:
    return str(it.app.screen.query_one(YourWords).render())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (said("push it to origin"), "▌ You asked, 40 s before (written on this side): “push it to origin”"),
        (said("two\nlines"), "▌ You asked, 40 s before (written on this side): “two␊lines”"),
        (
            said("push it", source=WordSource.KEYSTROKES, confidence=Confidence.LIKELY, time=NOON - 612),
            "▌ You asked something like, 10 min before (told from the keys you typed to the agent): “push it”",
        ),
        (None, ""),
    ],
)
def test_what_is_told(words: Utterance | None, told: str) -> None:
    assert before(after(words)) == told


def test_words_that_are_unknown_are_not_made_up() -> None:
    told = before(after(said("guess", source=WordSource.KEYSTROKES, confidence=Confidence.UNKNOWN)))
    assert "guess" not in told
    assert "do not tell its text" in told


def test_hostile_characters_in_a_paste_are_drawn_as_pictures() -> None:
    told = before(after(said("x\x1b[2J\u202ey\r" + "z" * 2_000)))
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "(+1,4" in told


async def test_they_stand_above_the_card_and_the_card_cannot_draw_there(session: ScriptedSession) -> None:
    session.play()
    forged = CardField(label=FORGED, value=f"{FORGED}\n" * 5)
    card = after(said("push it to origin"), title=FORGED, reason=FORGED, fields=(forged,))
    session.publish(EscalationChanged(escalation=card))
    async with driven(session) as it:
        await it.press("f2")
        await it.until(lambda: "push it to origin" in shown(it))
        assert "evil" not in shown(it)
        assert shown(it).startswith("▌ You asked, 40 s before")
        region = it.app.screen.query_one(YourWords).region
        rows = it.text.splitlines()[region.y : region.bottom]
        assert "evil" not in "".join(rows)


async def test_a_card_without_known_words_shows_none_whatever_it_claims(session: ScriptedSession) -> None:
    session.play()
    session.publish(EscalationChanged(escalation=after(None, title=FORGED)))
    async with driven(session) as it:
        await it.press("f2")
        await it.settled()
        assert not it.app.screen.query_one(YourWords).display
