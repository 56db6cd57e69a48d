"""The prompt of Goose, measured on 1.52.0: rustyline with its default keys.

While the model answers it reads nothing: the kernel has what is typed then, and edits it by rules of its own. So
nothing is ever certain.
"""

from __future__ import annotations

from ironcurtain_tui.words.dialects.base import EMACS, NOTHING, Dialect

GOOSE = Dialect(
    keys=EMACS,
    newlines=frozenset({"ctrl+j"}),
    guesses=frozenset({"tab", "up", "down", "ctrl+p", "ctrl+n", "ctrl+r", "ctrl+s", "ctrl+x", "ctrl+v", "ctrl+_"}),
    attaches=NOTHING,
    popups="",
    commands="/",
    trims=True,
)
