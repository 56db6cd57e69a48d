"""Text that measures exactly the cells it is given.

A row's width must not depend on which Unicode tables libghostty, Rich and the outer terminal use: where
they disagree the row would shift and overwrite the panel beside it. Rich's measure is the yardstick,
since Rich lays out the screen.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

REPLACEMENT = "\ufffd"
MARKS_KEPT = 3
"""Combining marks drawn on one cell; more is an attack on the renderer (zalgo)."""

UNDRAWABLE = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
"""Unicode categories that move the cursor or turn the reading direction instead of drawing."""


def fit(text: str, width: int) -> str:
    """``text`` if it measures ``width`` cells, else something that does. ``text`` is one cell's content."""
    if _is_regional(text[0]):
        return fit(_letter(text[0]), width)  # two of them in a row would join to a flag of another width
    measured = cell_len(text[0])
    if measured == 0 or unicodedata.category(text[0]) in UNDRAWABLE:
        return REPLACEMENT + " " * (width - 1)
    if len(text) > 1:
        measured = cell_len(text)
    if measured == width:
        return text
    if measured < width:
        return text + " " * (width - measured)
    return fit(text[0], width) if len(text) > 1 else REPLACEMENT + " " * (width - 1)


def safe_cluster(cluster: str, width: int) -> str:
    """A multi-codepoint cluster as something every terminal measures alike, in ``width`` cells.

    Emoji sequences lose skin tone and joined parts, flags become their letters, other letters keep
    their combining marks. Joiners, selectors and direction controls never pass.
    """
    first = cluster[0]
    if _is_regional(first):
        return fit("".join(_letter(char) for char in cluster if _is_regional(char))[:width], width)
    marks = [char for char in cluster[1:] if unicodedata.category(char) == "Mn" and not _is_selector(char)]
    return fit(first + "".join(marks[:MARKS_KEPT]), width)


def _is_regional(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _letter(regional: str) -> str:
    return chr(ord(regional) - 0x1F1E6 + ord("A"))


def _is_selector(char: str) -> bool:
    return "\ufe00" <= char <= "\ufe0f" or "\U000e0100" <= char <= "\U000e01ef" or char in "\u034f\u20e3"


@lru_cache(maxsize=8_192)
def drawable(text: str) -> str:
    """``text`` with everything replaced or dropped that does not simply draw itself, for a second look at rows.

    Rows come from a process that hostile bytes may have taken over, so their width is counted again after this.
    """
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        if category == "Mn":
            if marks < MARKS_KEPT and not _is_selector(char):
                shown.append(char)
            marks += 1
        elif not _is_selector(char):
            shown.append(_letter(char) if _is_regional(char) else _one_character(char, category))
            marks = 0
    return "".join(shown)


def _one_character(char: str, category: str) -> str:
    return REPLACEMENT if category in UNDRAWABLE or cell_len(char) == 0 else char
