"""The prompt of Gemini CLI, measured on 0.61.0.

On a busy machine Enter may come to it before the keys that came last. So nothing is ever certain.
"""

from __future__ import annotations

import re

from ironcurtain_tui.words.dialects.base import EMACS, PATHS, Dialect, Folding
from ironcurtain_tui.words.line import Line, Words

_JOINED = r"(?:(?<=[^\W\d_])[.:'’‘·](?=[^\W\d_])|(?<=\d)[.,;'](?=\d)|\w)+"
_GOING = Words(re.compile(rf"\b{_JOINED}\W*$"), re.compile(rf"\W*{_JOINED}"))
"""Words of Unicode's annex 29: signs between letters or digits do not always part them."""
_CUTTING = Words(re.compile(r"\w+\W*$"), re.compile(r"\W*\w+"))

GEMINI_CLI = Dialect(
    keys={
        **{name: effect for name, effect in EMACS.items() if name not in ("alt+y", "ctrl+y")},
        "ctrl+w": Line.kill_word_left,
        "ctrl+backspace": Line.kill_word_left,
        "ctrl+delete": Line.kill_word_right,
        "alt+delete": Line.kill_word_right,
    },
    harmless=frozenset({"ctrl+y", "shift+tab", "ctrl+l"}),
    going=_GOING,
    cutting=_CUTTING,
    by_row=frozenset({"up", "down", "home", "end", "ctrl+a", "ctrl+e"}),
    beyond="ends",
    folding=Folding(characters=500, lines=5, one=False),
    attaches=PATHS,
    help_key=True,
    trims=True,
    continues=True,
    both_escapes=0.5,
)
