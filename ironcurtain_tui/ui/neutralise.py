"""The one door through which text that the agent or a server wrote reaches a panel.

What comes out is printable, has no markup of its own (widgets draw it as plain text), and takes on every
terminal the cells that we count: nothing in it moves the cursor, turns the reading direction, hides or
joins up with its neighbours. What was taken out stays visible: ``\\x1b`` becomes ``␛``, U+202E ``\\u{202e}``.
Categories and widths are Unicode's (UAX #44, UAX #11); invisible letters are Default_Ignorable_Code_Point.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len, set_cell_size

MARKS_IN_A_ROW = 2
"""Combining marks a letter may carry; real scripts need no more, a flood of them paints over other rows."""

_SAFE = frozenset("LNPS")
"""First letters of the general categories that draw something of their own: letters, numbers, punctuation, symbols."""

_INVISIBLE = frozenset(
    "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # fillers: letters and a symbol that draw nothing
)
_PRESENTED = re.compile("(\\S)[\ufe0e\ufe0f]")


def neutralise(text: str) -> str:
    """``text`` as one line that is safe to draw. Idempotent; ASCII text without controls is unchanged."""
    if text.isascii() and text.isprintable():
        return text
    shown: list[str] = []
    marks = MARKS_IN_A_ROW  # a mark at the very start has no letter to sit on
    for char in text:
        if unicodedata.category(char) == "Mn" and marks < MARKS_IN_A_ROW and not _is_selector(char):
            marks += 1
            shown.append(char)
        elif _draws_itself(char):
            marks = 0
            shown.append(char)
        else:
            marks = MARKS_IN_A_ROW
            shown.append(_picture(char))
    return "".join(shown)


def tidy_title(text: str) -> str:
    """A terminal's title without what many programs put in it and nobody would miss; still to be neutralised.

    That is blanks around it, to overwrite a longer one, and marks that only choose between two pictures of the
    character before them (``✋`` + U+FE0E; source: UTS #51, section 1.4.3). Any other place of such a mark is kept.
    """
    return _PRESENTED.sub(lambda found: found[1] if _draws_itself(found[1]) else found[0], text).strip(" ")


def crop(text: str, cells: int) -> str:
    """The start of ``text`` in at most ``cells`` cells, ending in ``…`` when something is missing."""
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…" if cells > 0 else ""


def crop_start(text: str, cells: int) -> str:
    """The end of ``text`` in at most ``cells`` cells: of a host name the end tells whose it is."""
    if cell_len(text) <= cells:
        return text
    kept = text
    while kept and cell_len(kept) >= cells:
        kept = kept[1:]
    return "…" + kept if cells > 0 else ""


def clip(text: str, limit: int) -> str:
    """At most ``limit`` characters of ``text``, then how many more there are: ``abc…(+12)``."""
    return text if len(text) <= limit else f"{text[:limit]}…(+{len(text) - limit:,})"


def _draws_itself(char: str) -> bool:
    if char == " ":
        return True
    return (
        unicodedata.category(char)[0] in _SAFE
        and char not in _INVISIBLE
        and cell_len(char) > 0  # no width of its own: conjoining jamo, skin tones
        and not "\U0001f1e6" <= char <= "\U0001f1ff"  # regional indicators pair up to a flag of another width
    )


def _is_selector(char: str) -> bool:
    """Marks that draw nothing, or change how wide their neighbour is: variation selectors, grapheme joiners."""
    return (
        "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
        or char in "\u034f\u180b\u180c\u180d\u180f\u20e3"
    )


def _picture(char: str) -> str:
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{{{code:x}}}"
