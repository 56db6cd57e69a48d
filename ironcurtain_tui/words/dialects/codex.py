"""The composer of Codex, measured on 0.169.0."""

from __future__ import annotations

import re

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.dialects.base import EMACS, Dialect, Folding
from ironcurtain_tui.words.line import Line, Words

_SEPARATORS = re.escape("`~!@#$%^&*()-=+[{]}\\|;:'\",.<>/?")
_PIECE = rf"(?:[\U000f0000-\U000ffffd]|[^\s{_SEPARATORS}\U000f0000-\U000ffffd]+|[{_SEPARATORS}]+)"
_WORDS = Words(re.compile(rf"{_PIECE}\s*$"), re.compile(rf"\s*{_PIECE}"))
"""Runs of signs are words of their own."""

CODEX = Dialect(
    best=Confidence.EXACT,
    keys={
        **{name: effect for name, effect in EMACS.items() if name != "alt+y"},
        "ctrl+a": Line.row_start,
        "ctrl+e": Line.row_end,
        "ctrl+w": Line.kill_word_left,
        "ctrl+backspace": Line.kill_word_left,
        "ctrl+delete": Line.kill_word_right,
        "alt+delete": Line.kill_word_right,
    },
    harmless=frozenset({"alt+y", "insert"}),
    guesses=frozenset({"tab", "ctrl+r", "ctrl+g", "ctrl+z", "ctrl+x", "ctrl+v", "ctrl+_"}),
    going=_WORDS,
    cutting=_WORDS,
    kept_kills=1,
    chains=False,
    beyond="ends",
    folding=Folding(characters=1000, lines=0),
    popups="@$",
    help_key=True,
    trims=True,
    modal=True,
    burst=0.03,
    settle=0.15,
)
