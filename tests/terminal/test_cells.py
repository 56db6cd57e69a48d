"""Text that measures exactly the cells it is given."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ironcurtain_tui.terminal.cells import drawable, fit, safe_cluster


@given(text=st.text(min_size=1, max_size=6), width=st.sampled_from([1, 2]))
def test_any_cell_content_measures_its_width(text: str, width: int) -> None:
    assert cell_len(fit(text[0], width)) == width
    assert cell_len(safe_cluster(text, width)) == width


def test_every_codepoint_measures_its_width_and_none_moves_the_cursor() -> None:
    for shown in {fit(chr(codepoint), 1) for codepoint in range(0x11_0000)}:
        assert cell_len(shown) == 1
        assert unicodedata.category(shown[0]) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


@pytest.mark.parametrize(
    ("cluster", "width", "shown"),
    [
        ("👍🏽", 2, "👍"),
        ("👨‍👩‍👧", 2, "👨"),
        ("🇯🇵", 2, "JP"),
        ("❤️", 2, "❤ "),
        ("e\u0301", 1, "e\u0301"),
        ("a\u202e", 1, "a"),
        ("z" + "\u0300" * 50, 1, "z" + "\u0300" * 3),
        ("1\ufe0f\u20e3", 2, "1 "),
    ],
)
def test_clusters_become_what_every_terminal_measures_alike(cluster: str, width: int, shown: str) -> None:
    assert safe_cluster(cluster, width) == shown


@given(st.text())
def test_drawable_text_has_nothing_that_does_not_draw_itself(text: str) -> None:
    shown = drawable(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert not any("\U0001f1e6" <= char <= "\U0001f1ff" for char in shown)
    assert drawable(shown) == shown
