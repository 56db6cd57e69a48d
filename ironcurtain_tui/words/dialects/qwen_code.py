"""The prompt of Qwen Code, measured on 0.24.4.

On a busy machine Enter may come to it before the keys that came last. So nothing is ever certain.
"""

from __future__ import annotations

import re

from ironcurtain_tui.words.dialects.base import EMACS, PATHS, Dialect, Folding
from ironcurtain_tui.words.line import Line, Words

_PIECE = r"(?:\w+|[^\w\s]+)"
_WORDS = Words(re.compile(rf"{_PIECE}\s*$"), re.compile(rf"{_PIECE}\s*|\s+"))
"""Runs of signs are words of their own, and to the right the blanks behind a word are gone by with it."""
_CUTTING = Words(_WORDS.left, re.compile(rf"\s*{_PIECE}"))

QWEN_CODE = Dialect(
    keys={
        **{name: effect for name, effect in EMACS.items() if name not in ("alt+y", "ctrl+y", "alt+d")},
        "ctrl+w": Line.kill_word_left,
    },
    harmless=frozenset({"ctrl+y", "ctrl+l", "shift+tab"}),
    guesses=frozenset({"tab", "up", "down", "ctrl+p", "ctrl+n", "ctrl+r", "ctrl+x", "ctrl+v", "ctrl+_", "ctrl+z"}),
    going=_WORDS,
    cutting=_CUTTING,
    by_row=frozenset({"home", "end", "ctrl+a", "ctrl+e", "ctrl+u", "ctrl+k"}),
    one_line=frozenset({"ctrl+k", "ctrl+u"}),
    folding=Folding(characters=1000, lines=10, one=False, certain=False),
    attaches=PATHS,
    help_key=True,
    trims=True,
)
