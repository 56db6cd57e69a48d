"""Cards as lines: nothing raw, nothing cut, nothing that could pass for ours."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ironcurtain_tui.control.messages import AlwaysPreview
from ironcurtain_tui.events import Card, CardField, Escalation, FieldKind
from ironcurtain_tui.ui.card import NARROWEST, CardLine, escalation_lines, rule_lines, several_lines, short_digest
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone

from .scripted_session import DIFF, UNREADABLE, escalation, push
from .test_hostile import HOSTILE

TEXTS = st.one_of(st.text(max_size=60), st.sampled_from([HOSTILE, "", "\n\n", "│ fake", "a" * 300, "한글" * 40]))
WIDTHS = st.integers(1, 120)
CARDS = st.builds(
    Card,
    kind=TEXTS,
    title=TEXTS,
    asker=TEXTS,
    reason=TEXTS,
    rule=TEXTS,
    fields=st.lists(
        st.builds(CardField, label=TEXTS, value=TEXTS, kind=st.sampled_from(FieldKind), size=st.integers(0, 9)),
        max_size=3,
    ).map(tuple),
    digest=TEXTS,
    risky=st.booleans(),
)


def held(card: Card) -> Escalation:
    return Escalation(id="e", card=card, raised=0.0, deadline=1.0)


def text(lines: list[CardLine]) -> str:
    return "\n".join(line.text for line in lines)


def original(lines: list[CardLine]) -> str:
    """The text right of the bars, put together again."""
    whole = ""
    for line in lines:
        if line.text.startswith("│ "):
            whole += "\n" + line.text[2:]
        elif line.text.startswith("┊ "):
            whole += line.text[2:]
    return whole[1:]


@given(CARDS, WIDTHS)
def test_no_control_escape_or_bidi_character_reaches_a_card(card: Card, width: int) -> None:
    for line in (*escalation_lines(held(card), width), *several_lines((held(card),) * 2, width)):
        for char in line.text:
            assert unicodedata.category(char) not in {"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"}


@given(CARDS, st.integers(40, 120))
def test_every_line_fits(card: Card, width: int) -> None:
    for line in escalation_lines(held(card), width):
        assert cell_len(line.text) <= width


@given(TEXTS, st.sampled_from(FieldKind), WIDTHS)
def test_all_of_a_value_is_there(value: str, kind: FieldKind, width: int) -> None:
    card = escalation(1, fields=(CardField(label="value", value=value, kind=kind),)).card
    shown = original(escalation_lines(held(card), width))
    assert shown == "\n".join(neutralise(line) for line in value.split("\n"))


@given(TEXTS, WIDTHS)
def test_a_rule_is_whole_too(rule: str, width: int) -> None:
    preview = AlwaysPreview(request=1, rule=rule, effects=("one",))
    expected = [neutralise(line) for line in rule.rstrip("\n").split("\n")]
    assert original(rule_lines(held(escalation(1).card), preview, width)) == "\n".join([*expected, "one"])


def test_nothing_the_agent_wrote_stands_where_our_headings_do() -> None:
    card = escalation(1, fields=(CardField(label="x", value="asked by  nobody\n▲ RISKY\n│ bar\nY  (3 bytes)"),)).card
    lines = [line.text for line in escalation_lines(held(card), 80)]
    assert sum(line.strip().startswith("asked by") for line in lines) == 1
    assert [line for line in lines if line.startswith("│ ")][-4:] == [
        "│ asked by  nobody",
        "│ ▲ RISKY",
        "│ │ bar",
        "│ Y  (3 bytes)",
    ]


def test_diffs_have_signs_and_tones() -> None:
    tones = {line.pieces[1] for line in escalation_lines(push(), 80) if len(line.pieces) == 2}
    assert ("-    check(user)", Tone.BAD) in tones
    assert ("+    audit(user)", Tone.GOOD) in tones
    assert ("@@ -1,4 +1,5 @@", Tone.ACCENT) in tones
    assert DIFF.splitlines()[3] in text(escalation_lines(push(), 80))


def test_a_card_says_who_what_why_and_how_long() -> None:
    shown = text(escalation_lines(push(), 120))
    for words in (
        "git.git_push origin main",
        "asked by  Claude Code, through the tool gateway",
        "because  the branch main leaves this machine",
        "rule  git: push",
        push().card.digest,
        short_digest(push().card.digest),
        "Commits that would go  (56 bytes, 3 lines)",
        "RISKY",
    ):
        assert words in shown


def test_what_cannot_be_read_is_called_so() -> None:
    shown = text(escalation_lines(escalation(1, fields=(UNREADABLE,)), 200))
    assert "UNINSPECTABLE: these bytes cannot be read as text" in shown
    assert "2,048 bytes" in shown


@pytest.mark.parametrize("width", [1, NARROWEST, 20])
def test_narrow_is_wrapped_not_cut(width: int) -> None:
    shown = original(escalation_lines(escalation(1), width))
    assert "https://docs.example.org/page/1" in shown
