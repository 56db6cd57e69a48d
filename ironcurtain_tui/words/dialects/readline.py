"""GNU readline with its default keys, as in bash 5.2."""

from __future__ import annotations

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.dialects.base import EMACS, Dialect
from ironcurtain_tui.words.line import Line

READLINE = Dialect(
    best=Confidence.EXACT,
    keys={
        **EMACS,
        "ctrl+t": Line.transpose,
        "alt+u": lambda line: line.recase(str.upper),
        "alt+l": lambda line: line.recase(str.lower),
        "alt+c": lambda line: line.recase(str.capitalize),
        "ctrl+delete": Line.kill_word_right,
    },
    newlines=frozenset(),
    submits=frozenset({"enter", "ctrl+j"}),
    harmless=frozenset({"ctrl+l", "shift+tab", "ctrl+s", "ctrl+q"}),
    guesses=frozenset(
        {"tab", "escape", "ctrl+r", "ctrl+_", "alt+.", "alt+_", "alt+t", "ctrl+v", "ctrl+x", "ctrl+o", "alt+/", "alt+*"}
    ),
    popups="",
    commands="",
)
