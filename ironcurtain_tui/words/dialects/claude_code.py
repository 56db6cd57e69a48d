"""The prompt of Claude Code, measured on 2.1.330."""

from __future__ import annotations

from ironcurtain_tui.events import Confidence
from ironcurtain_tui.words.dialects.base import EMACS, Dialect, Folding
from ironcurtain_tui.words.line import Line

CLAUDE_CODE = Dialect(
    best=Confidence.EXACT,
    keys={
        **EMACS,
        "home": Line.row_start,
        "end": Line.row_end,
        "shift+left": Line.left,
        "shift+right": Line.right,
        "ctrl+backspace": Line.kill_word_left,
        "ctrl+delete": Line.delete,
    },
    harmless=frozenset(
        {"ctrl+l", "ctrl+o", "ctrl+t", "shift+tab", "pageup", "pagedown", "insert", "ctrl+home", "ctrl+end", "tab"}
    ),
    guesses=frozenset({"ctrl+r", "ctrl+_", "ctrl+g", "ctrl+x", "ctrl+v", "alt+v"}),
    margin=4,
    beyond="nowhere",
    folding=Folding(characters=800, lines=3, drops_end=True),
    commands="/",
    bang=True,
    help_key=True,
    tabs=4,
    continues=True,
    both_escapes=0.7,
    stash=frozenset({"ctrl+s"}),
    modal=True,
)
