"""Pasted text cannot do more than be text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import TerminalModes
from ironcurtain_tui.terminal.paste import encode_paste

BRACKETED, PLAIN = TerminalModes(bracketed_paste=True), TerminalModes()


def test_between_brackets_when_the_agent_asked_for_them() -> None:
    assert encode_paste("one\r\ntwo\tx", BRACKETED) == b"\x1b[200~one\ntwo\tx\x1b[201~"


def test_as_typed_lines_otherwise() -> None:
    assert encode_paste("one\ntwo", PLAIN) == b"one\rtwo"


def test_an_end_marker_inside_does_not_end_it() -> None:
    assert encode_paste("a\x1b[201~\rrm -rf ~\x9b201~", BRACKETED) == b"\x1b[200~a\nrm -rf ~201~\x1b[201~"


@given(st.text())
def test_nothing_but_text_is_between_the_brackets(text: str) -> None:
    sent = encode_paste(text, BRACKETED)
    inside = sent.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~").decode()
    assert not any((ord(char) < 32 and char not in "\t\n") or 0x7F <= ord(char) < 0xA0 for char in inside)
    assert b"\x1b" not in encode_paste(text, PLAIN)
