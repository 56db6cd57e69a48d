"""Whether what was typed can be seen on the screen: what cannot, such as a password, is not to be kept.

The screen is only ever asked whether to forget something, or to doubt it. Nothing on it adds a word.
"""

from __future__ import annotations

import re

_PIECE = 4
"""Characters that are looked for together."""
_MOST_PIECES = 200
_MODE = re.compile(r"-- (?:INSERT|NORMAL|VISUAL|REPLACE)\b")
"""What the agents show while letters may be commands, as in vi."""
_FOLDED = re.compile(r"\[Pasted\b")
"""What the agents show in the place of a long paste."""


def modal(screen: str) -> bool:
    """Whether ``screen`` says that letters may be commands."""
    return _MODE.search(screen) is not None


def shows(screen: str, text: str, *, pasted: bool = False) -> bool:
    """Whether three quarters of the pieces of ``text`` stand on ``screen``. Blanks and line ends count for nothing.

    ``pasted``: the text holds a paste, for which an agent may show a sign of its own.
    """
    wanted, seen = "".join(text.split()), "".join(screen.split())
    if not wanted:
        return True
    if pasted and _FOLDED.search(screen):
        return True
    last = max(1, len(wanted) - _PIECE + 1)
    starts = range(0, last, max(1, last // _MOST_PIECES))
    return sum(wanted[at : at + _PIECE] in seen for at in starts) * 4 >= len(starts) * 3
