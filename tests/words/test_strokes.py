"""Bytes read back as the keys they were."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import TerminalModes
from ironcurtain_tui.terminal.keys import encode_key
from ironcurtain_tui.terminal.paste import encode_paste
from ironcurtain_tui.words.strokes import Stroke, strokes

LEGACY = TerminalModes(bracketed_paste=True)
KITTY = TerminalModes(bracketed_paste=True, kitty_flags=1)
EVERYTHING = TerminalModes(bracketed_paste=True, kitty_flags=1 | 4 | 8 | 16)
BOTH = ("enter", "tab", "escape", "backspace", "up", "down", "left", "right", "home", "end", "delete", "insert")
BOTH_MODIFIED = ("ctrl+left", "alt+b", "ctrl+a", "ctrl+w", "alt+backspace", "shift+tab", "ctrl+delete", "alt+enter")


@pytest.mark.parametrize("modes", [LEGACY, KITTY, EVERYTHING], ids=["legacy", "kitty", "everything"])
@pytest.mark.parametrize("key", [*BOTH, *BOTH_MODIFIED])
def test_keys_keep_their_names_in_every_mode(key: str, modes: TerminalModes) -> None:
    assert list(strokes(encode_key(key, None, modes))) == [Stroke(key)]


@pytest.mark.parametrize("modes", [LEGACY, KITTY, EVERYTHING], ids=["legacy", "kitty", "everything"])
@given(character=st.characters(min_codepoint=0x20, exclude_categories=("C",), exclude_characters="\x7f"))
def test_every_character_comes_back(modes: TerminalModes, character: str) -> None:
    sent = encode_key(character, character, modes)
    assert "".join(stroke.text for stroke in strokes(sent)).casefold() == character.casefold()


def test_shift_enter_is_told_apart_only_where_the_terminal_does() -> None:
    assert list(strokes(encode_key("shift+enter", None, LEGACY))) == [Stroke("enter")]
    assert list(strokes(encode_key("shift+enter", None, KITTY))) == [Stroke("shift+enter")]


@given(st.text())
def test_a_paste_is_one_thing_and_never_presses_a_key(text: str) -> None:
    found = list(strokes(encode_paste(text, LEGACY)))
    assert len(found) == 1
    assert found[0].pasted
    assert found[0].key == ""


@given(st.binary(max_size=60))
def test_any_bytes_are_read(data: bytes) -> None:
    for stroke in strokes(data):
        assert stroke.key or stroke.text or stroke.pasted


def test_what_no_keyboard_sends_types_nothing() -> None:
    reports = b"\x1b[24;80R\x1b[?62;22c\x1b[I\x1b[<0;5;5M"
    assert "".join(stroke.text for stroke in strokes(reports)).strip("?<0123456789;cM") == ""
