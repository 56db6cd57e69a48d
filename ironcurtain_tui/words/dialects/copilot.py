"""The prompt of Copilot CLI, measured on 1.0.102.

On a busy machine it applies keys that come close together out of order. So nothing is ever certain.
"""

from __future__ import annotations

import re

from ironcurtain_tui.words.dialects.base import EMACS, PATHS, Dialect
from ironcurtain_tui.words.line import BLANK, Line, Words

_WORDS = Words(BLANK.left, re.compile(r"\S+\s*|\s+"))
"""What lies between blanks, to the right with those behind it."""

COPILOT = Dialect(
    keys={
        **{name: effect for name, effect in EMACS.items() if name not in ("alt+y", "ctrl+y")},
        "ctrl+w": Line.kill_word_left,
    },
    harmless=frozenset({"ctrl+y", "alt+y"}),
    guesses=frozenset({"tab", "ctrl+r", "ctrl+x", "ctrl+v", "ctrl+_", "ctrl+z"}),
    going=_WORDS,
    cutting=_WORDS,
    attaches=PATHS,
    popups="@#",
    help_key=True,
    trims=True,
)
