"""Nothing written by the agent leaves its place on the screen."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ironcurtain_tui.ui.neutralise import MARKS_IN_A_ROW, clip, crop, crop_start, neutralise, tidy_title

SELECTORS = frozenset("\ufe0e\ufe0f")
HOSTILE = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.characters(categories=("Cc", "Cf", "Co", "Cs", "Zl", "Zp", "Zs", "Mn", "Mc", "Me")),
        st.sampled_from("\x1b\x07\x9b\u202e\u2066\u200b\u200d\ufe0f\U0001f3fd\U0001f1e9\U000e0041\u115f\u3164e\u0301"),
    )
)


@given(HOSTILE)
def test_output_holds_nothing_that_acts_or_hides(text: str) -> None:
    shown = neutralise(text)
    categories = {unicodedata.category(char) for char in shown}
    assert categories.isdisjoint({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Mc", "Me"})
    assert all(char == " " for char in shown if unicodedata.category(char) == "Zs")


@given(HOSTILE)
def test_every_character_but_a_mark_has_its_own_cells(text: str) -> None:
    shown = neutralise(text)
    assert all(cell_len(char) > 0 for char in shown if unicodedata.category(char) != "Mn")
    assert cell_len(shown) == sum(cell_len(char) for char in shown)


@given(HOSTILE)
def test_marks_never_pile_up(text: str) -> None:
    run = MARKS_IN_A_ROW  # a leading mark counts as one too many
    for char in neutralise(text):
        run = run + 1 if unicodedata.category(char) == "Mn" else 0
        assert run <= MARKS_IN_A_ROW


@given(HOSTILE)
def test_idempotent(text: str) -> None:
    assert neutralise(neutralise(text)) == neutralise(text)


@given(HOSTILE)
def test_nothing_vanishes(text: str) -> None:
    assert len(neutralise(text)) >= len(text)


@given(st.text(alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_plain_text_is_left_alone_and_markup_stays_text(text: str) -> None:
    assert neutralise(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J\x1b]0;owned\x07", "␛[2J␛]0;owned␇"),
        ("a\r\nb\tc\x7f", "a␍␊b␉c␡"),
        ("\x9b31m", "\\u{9b}31m"),
        ("pay\u202egpj.exe", "pay\\u{202e}gpj.exe"),
        ("goo\u200bgle", "goo\\u{200b}gle"),
        ("\u2028\u2029", "\\u{2028}\\u{2029}"),
        ("x\U000e0041", "x\\u{e0041}"),
        ("\u2764\ufe0f", "\u2764\\u{fe0f}"),
        ("e\u0301\u0301\u0301", "e\u0301\u0301\\u{301}"),
        ("\u0301x", "\\u{301}x"),
        ("\ud800", "\\u{d800}"),
        ("a\u00a0b", "a\\u{a0}b"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("Grüße, 世界", "Grüße, 世界"),
    ],
)
def test_examples(text: str, shown: str) -> None:
    assert neutralise(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\u270b\ufe0e  Ready (project)    ", "\u270b  Ready (project)"),
        ("\u2764\ufe0f\u2764\ufe0f", "\u2764\u2764"),
        ("\u2764\ufe0f\ufe0f", "\u2764\\u{fe0f}"),
        ("\ufe0f", "\\u{fe0f}"),
        ("a \ufe0e", "a \\u{fe0e}"),
        ("a\u00a0 ", "a\\u{a0}"),
        ("\u202e\ufe0e", "\\u{202e}\\u{fe0e}"),
        ("e\u0301\ufe0e", "e\u0301\\u{fe0e}"),
        ("a\ufe00", "a\\u{fe00}"),
    ],
)
def test_a_title_loses_only_what_nobody_would_miss(text: str, shown: str) -> None:
    assert neutralise(tidy_title(text)) == shown


@given(HOSTILE)
def test_a_title_hides_nothing_else(text: str) -> None:
    kept, text = tidy_title(text), text.strip(" ")
    assert [*filter(SELECTORS.isdisjoint, kept)] == [*filter(SELECTORS.isdisjoint, text)]


@given(HOSTILE.map(neutralise), st.integers(0, 40))
def test_crops_fit_their_cells(text: str, cells: int) -> None:
    for cut in (crop(text, cells), crop_start(text, cells)):
        assert cell_len(cut) <= cells
        assert cut == text or cells == 0 or "…" in cut


def test_a_cropped_host_keeps_its_owner() -> None:
    assert crop_start("api.anthropic.com.evil.example", 15) == "…m.evil.example"


@given(st.text(), st.integers(1, 50))
def test_clip_says_how_much_is_missing(text: str, limit: int) -> None:
    shown = clip(text, limit)
    assert shown == text if len(text) <= limit else shown == f"{text[:limit]}…(+{len(text) - limit:,})"
