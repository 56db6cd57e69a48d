"""Bytes that were sent to a terminal as keys and pastes, read back as the program that gets them reads them.

The counterpart of terminal/keys.py and terminal/paste.py: xterm's PC-style keys, the kitty keyboard protocol (CSI u),
bracketed paste, and what a mouse reports. Names are Textual's (``ctrl+c``, ``alt+left``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_PASTE = re.compile("\x1b\\[200~(.*?)(?:\x1b\\[201~|$)", re.DOTALL)
_CSI = re.compile("\x1b\\[([0-9:;]*)([A-Za-z~])")
_MOUSE = re.compile("\x1b\\[(?:<[0-9;]*[Mm]|M.{3})", re.DOTALL)
_SS3 = re.compile("\x1bO([A-Za-z])")

_LETTERS = {"A": "up", "B": "down", "C": "right", "D": "left", "H": "home", "F": "end", "Z": "shift+tab"}
_NUMBERS = {1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end"}
_CODES = {9: "tab", 13: "enter", 27: "escape", 127: "backspace"}
_MODIFIERS = ((4, "ctrl"), (2, "alt"), (1, "shift"), (8, "super"))


@dataclass(frozen=True)
class Stroke:
    """One key, or one paste."""

    key: str = ""
    """Its name, where it is no text."""
    text: str = ""
    """What it types; for a paste all of it, with ``\\n`` for line ends."""
    pasted: bool = False


def strokes(sent: bytes) -> Iterator[Stroke]:
    """The keys and pastes in what was sent at one moment. What is neither comes as a key named ``unknown``."""
    text = sent.decode("utf-8", "replace")
    at = 0
    while at < len(text):
        if paste := _PASTE.match(text, at):
            yield Stroke(text=paste[1].replace("\r\n", "\n").replace("\r", "\n"), pasted=True)
            at = paste.end()
        elif text[at] == "\x1b":
            stroke, at = _escaped(text, at)
            yield stroke
        else:
            yield _plain(text[at])
            at += 1


def _escaped(text: str, at: int) -> tuple[Stroke, int]:
    if mouse := _MOUSE.match(text, at):
        return Stroke("mouse"), mouse.end()
    if csi := _CSI.match(text, at):
        return _csi(csi[1], csi[2]), csi.end()
    if ss3 := _SS3.match(text, at):
        return Stroke(_LETTERS.get(ss3[1], "unknown")), ss3.end()
    if at + 1 == len(text):
        return Stroke("escape"), at + 1
    if text[at + 1] == "\x1b":
        inner, end = _escaped(text, at + 1)
        return Stroke(f"alt+{inner.key}"), end
    key = _plain(text[at + 1])
    return Stroke(f"alt+{key.key or key.text}"), at + 2


def _csi(parameters: str, final: str) -> Stroke:
    numbers = [[int(part) if part else 0 for part in each.split(":")] for each in parameters.split(";")]
    code = numbers[0][0]
    modifiers = max(0, numbers[1][0] - 1) if len(numbers) > 1 else 0
    if final == "u":
        return _unicode(code, modifiers)
    name = _NUMBERS.get(code, "unknown") if final == "~" else _LETTERS.get(final, "unknown")
    return Stroke(_modified(name, modifiers))


def _unicode(code: int, modifiers: int) -> Stroke:
    if name := _CODES.get(code):
        return Stroke(_modified(name, modifiers))
    character = chr(code) if 0x20 <= code < 0xE000 or 0xF8FF < code < 0x110000 else ""
    if not character:
        return Stroke("unknown")
    if modifiers in (0, 1):
        return Stroke(text=character.upper() if modifiers else character)
    return Stroke(_modified(character, modifiers))


def _modified(name: str, modifiers: int) -> str:
    return "+".join([word for bit, word in _MODIFIERS if modifiers & bit] + [name])


def _plain(character: str) -> Stroke:
    code = ord(character)
    if code == 0x0A:
        return Stroke("ctrl+j")
    if name := _CODES.get(code):
        return Stroke(name)
    if code < 0x20:
        return Stroke(f"ctrl+{chr(code | 0x60)}" if 1 <= code <= 26 else f"ctrl+{chr(code | 0x40)}")
    if 0x80 <= code < 0xA0:
        return Stroke("unknown")
    return Stroke(text=character)
