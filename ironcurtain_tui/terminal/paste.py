"""Pasted text turned into what the agent reads (bracketed paste, DEC mode 2004)."""

from __future__ import annotations

import re

from ironcurtain_tui.control.messages import TerminalModes

_START, _END = "\x1b[200~", "\x1b[201~"
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
"""All of C0 and C1 but tab and line ends: pasted text is text, it must not end the brackets or press keys."""


def encode_paste(text: str, modes: TerminalModes) -> bytes:
    """``text`` as pasted: between brackets when the agent asked for them, else as if its lines were typed."""
    text = clean(text)
    if modes.bracketed_paste:
        return f"{_START}{text}{_END}".encode("utf-8", "replace")
    return text.replace("\n", "\r").encode("utf-8", "replace")


def taken_out(text: str) -> int:
    """How many characters of ``text`` are not pasted, because they would press keys or end the paste."""
    return len(_CONTROLS.findall(text.replace("\r\n", "\n").replace("\r", "\n")))


def clean(text: str) -> str:
    """``text`` with ``\\n`` for every line end and without what would press a key."""
    return _CONTROLS.sub("", text.replace(_END, "").replace("\r\n", "\n").replace("\r", "\n"))
