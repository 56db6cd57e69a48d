"""A screen as the bytes that paint it anew: where a part of a recording, or a jump into it, can begin. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ironcurtain_tui.control.messages import CellStyle, Row

TRUE_COLOUR = 0x1000000
_FLAGS = ((1, 1), (2, 3), (4, 2), (8, 5), (16, 7), (32, 8), (64, 9), (128, 53))
"""Flags of a style and their parameters of SGR (ECMA-48 section 8.3.117; 53 from xterm)."""
_WHOLE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|[ -/]+[0-~]|[\]PX^_][^\x07]*\x07|[0-OQ-WYZ\\`-~])",
    re.DOTALL,
)
"""A control sequence that has ended (ECMA-48 sections 5.3 to 5.6; strings may end with BEL, too)."""


def paint(rows: Iterable[tuple[int, Row]]) -> bytes:
    """What a program would print to a fresh terminal of the same size to draw ``rows`` (by number, from 0)."""
    shown: list[str] = []
    link = ""
    for number, row in rows:
        shown.append(f"\x1b[{number + 1};1H")
        for run in row:
            if run.style.link != link:
                link = run.style.link
                shown.append(f"\x1b]8;;{link}\x1b\\")
            shown.append(rendition(run.style) + run.text)
    shown.append("\x1b]8;;\x1b\\\x1b[0m" if link else "\x1b[0m")
    return "".join(shown).encode("utf-8", "replace")


def rendition(style: CellStyle) -> str:
    """The SGR sequence that sets exactly ``style``; the link is not a part of it."""
    parameters = ["0", *(str(code) for flag, code in _FLAGS if style.flags & flag)]
    if style.underline:
        parameters.append(f"4:{style.underline}")
    for code, colour in ((38, style.fg), (48, style.bg), (58, style.underline_color)):
        if colour is None:
            continue
        if colour >= TRUE_COLOUR:
            red, green, blue = colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF
            parameters.append(f"{code}:2::{red}:{green}:{blue}" if code == 58 else f"{code};2;{red};{green};{blue}")
        else:
            parameters.append(f"{code}:5:{colour}" if code == 58 else f"{code};5;{colour}")
    return f"\x1b[{';'.join(parameters)}m"


def is_whole(data: bytes) -> bool:
    """Whether output that ends with ``data`` does not end in the middle of a control sequence."""
    escape = data.rfind(b"\x1b")
    return escape < 0 or _WHOLE.match(data, escape) is not None
