"""The prompt of OpenCode, measured on 1.18.33.

What is typed while it sends its first message goes into that one, too. So nothing is ever certain.
"""

from __future__ import annotations

import re

from ironcurtain_tui.words.dialects.base import EMACS, PATHS, Dialect, Folding
from ironcurtain_tui.words.line import Line, Words

_BREAK = r"[\s\-/\\.,:;!?()\[\]{}]"
_INSIDE = r"[^\s\-/\\.,:;!?()\[\]{}]"
_WORDS = Words(re.compile(rf"{_INSIDE}*{_BREAK}?$"), re.compile(rf"{_INSIDE}+{_BREAK}?|{_BREAK}"))
"""A word goes as far as, and with, the sign that ends it."""
_NOT_MEASURED = {"ctrl+h", "ctrl+a", "ctrl+e", "home", "end", "ctrl+y", "alt+y"}

OPENCODE = Dialect(
    keys={
        **{name: effect for name, effect in EMACS.items() if name not in _NOT_MEASURED},
        "ctrl+a": Line.line_start,
        "ctrl+e": Line.line_end,
        "ctrl+w": Line.kill_word_left,
        "ctrl+backspace": Line.kill_word_left,
    },
    harmless=frozenset({"ctrl+y", "alt+y", "ctrl+h", "home", "end", "pageup", "pagedown"}),
    guesses=frozenset({"tab", "ctrl+x", "ctrl+_", "ctrl+z", "ctrl+v", "ctrl+r"}),
    going=_WORDS,
    cutting=_WORDS,
    one_line=frozenset(EMACS) - {"left", "right", "ctrl+b", "ctrl+f", "backspace", "delete", "ctrl+d"},
    beyond="ends",
    folding=Folding(characters=150, lines=2, one=False, behind=" "),
    attaches=PATHS,
    sending=1.0,
)
