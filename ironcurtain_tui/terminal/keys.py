"""Keys as Textual names them, turned into what a real terminal would send.

Sources: xterm's "Control Sequences" (PC-style function keys, alt as an ESC prefix) and the kitty keyboard
protocol (CSI u), whose progressive enhancement flags the agent sets in ``TerminalModes.kitty_flags``.
Textual reports key presses only, so the flag for event types changes nothing.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from ironcurtain_tui.control.messages import TerminalModes

DISAMBIGUATE, REPORT_ALTERNATES, REPORT_ALL, REPORT_TEXT = 1, 4, 8, 16
"""Flags of the kitty keyboard protocol that matter here."""

_SHIFT, _ALT, _CTRL = 1, 2, 4
_MODIFIERS = {"shift": _SHIFT, "alt": _ALT, "ctrl": _CTRL, "super": 8, "hyper": 16, "meta": 32}

_SYMBOLS = {
    "space": " ", "exclamation_mark": "!", "quotation_mark": '"', "number_sign": "#", "dollar_sign": "$",
    "percent_sign": "%", "ampersand": "&", "apostrophe": "'", "left_parenthesis": "(", "right_parenthesis": ")",
    "asterisk": "*", "plus": "+", "comma": ",", "minus": "-", "full_stop": ".", "slash": "/", "colon": ":",
    "semicolon": ";", "less_than_sign": "<", "equals_sign": "=", "greater_than_sign": ">", "question_mark": "?",
    "at": "@", "left_square_bracket": "[", "backslash": "\\", "right_square_bracket": "]",
    "circumflex_accent": "^", "underscore": "_", "grave_accent": "`", "left_curly_bracket": "{",
    "vertical_line": "|", "right_curly_bracket": "}", "tilde": "~",
}  # fmt: skip
"""Textual's names of ASCII symbols."""

_CONTROLS = {
    " ": 0x00, "@": 0x00, "2": 0x00, "[": 0x1B, "3": 0x1B, "\\": 0x1C, "|": 0x1C, "4": 0x1C, "]": 0x1D, "5": 0x1D,
    "^": 0x1E, "~": 0x1E, "6": 0x1E, "_": 0x1F, "/": 0x1F, "-": 0x1F, "7": 0x1F, "?": 0x7F, "8": 0x7F,
}  # fmt: skip
"""What ctrl makes of characters other than letters (xterm, VT220)."""

_TEXT_KEYS = {"enter": 13, "tab": 9, "backspace": 127, "escape": 27}
"""Keys that send a control character; the number is that character and their kitty code."""

_LETTER_KEYS = {
    "up": "A", "down": "B", "right": "C", "left": "D", "home": "H", "end": "F", "kp_begin": "E",
    "f1": "P", "f2": "Q", "f3": "R", "f4": "S",
}  # fmt: skip
"""Keys that end in a letter: CSI 1 ; modifiers letter."""

_NUMBER_KEYS = {
    "insert": 2, "delete": 3, "pageup": 5, "pagedown": 6, "f5": 15, "f6": 17, "f7": 18, "f8": 19, "f9": 20,
    "f10": 21, "f11": 23, "f12": 24, "f13": 25, "f14": 26, "f15": 28, "f16": 29, "f17": 31, "f18": 32,
    "f19": 33, "f20": 34,
}  # fmt: skip
"""Keys that end in a tilde: CSI number ; modifiers ~."""

_KITTY_KEYS = {
    "caps_lock": 57358, "scroll_lock": 57359, "num_lock": 57360, "print_screen": 57361, "pause": 57362, "menu": 57363,
    **{f"f{number}": 57363 + number for number in range(13, 36)},
}  # fmt: skip
"""Keys that only the kitty protocol can express."""

_KEYPAD = {"decimal": ".", "divide": "/", "multiply": "*", "subtract": "-", "add": "+", "separator": ",", "equal": "="}
"""Keypad keys that Textual tells apart from the main block, and their characters."""
_APPLICATION_KEYPAD = {".": "n", "/": "o", "*": "j", "-": "m", "+": "k", ",": "l", "=": "X"}


class _Stroke(NamedTuple):
    """A key without its modifiers, and what it types."""

    name: str
    modifiers: int
    character: str
    """The character of the key; empty for function keys."""


def encode_key(key: str, character: str | None, modes: TerminalModes) -> bytes:
    """The bytes for ``key`` (Textual's name, e.g. ``ctrl+c``) in ``modes``; empty when no terminal has any."""
    stroke = _parse(key, character)
    kitty = modes.kitty_flags & (DISAMBIGUATE | REPORT_ALL)
    return _kitty(stroke, modes) if kitty else _legacy(stroke, modes)


def encode_focus(focused: bool, modes: TerminalModes) -> bytes:
    """Focus in or out (DEC mode 1004); empty when the agent did not ask for it."""
    if not modes.focus_events:
        return b""
    return b"\x1b[I" if focused else b"\x1b[O"


def _parse(key: str, character: str | None) -> _Stroke:
    *prefixes, name = key.split("+")
    modifiers = sum({_MODIFIERS.get(prefix, 0) for prefix in prefixes})
    if name == "backtab":
        name, modifiers = "tab", modifiers | _SHIFT
    if name == "return":
        name = "enter"
    return _Stroke(name, modifiers, _character(name, character))


def _character(name: str, character: str | None) -> str:
    if name in _TEXT_KEYS or name in _LETTER_KEYS or name in _NUMBER_KEYS or name in _KITTY_KEYS:
        return ""
    if len(name) == 1:
        return name
    if known := _SYMBOLS.get(name) or _KEYPAD.get(name):
        return known
    if character and character.isprintable():
        return character
    try:
        return unicodedata.lookup(name.replace("_", " "))
    except KeyError:
        return ""


def _legacy(stroke: _Stroke, modes: TerminalModes) -> bytes:
    name, modifiers, character = stroke
    alt = b"\x1b" if modifiers & _ALT else b""
    if name in _TEXT_KEYS:
        if name == "tab" and modifiers & _SHIFT:
            return alt + b"\x1b[Z"
        if name == "backspace" and modifiers & _CTRL:
            return alt + b"\x08"
        return alt + bytes([_TEXT_KEYS[name]])
    if name in _KEYPAD and modes.application_keypad and not modifiers:
        return f"\x1bO{_APPLICATION_KEYPAD[character]}".encode()
    if character:
        if modifiers & ~(_SHIFT | _ALT | _CTRL):
            return b""
        return alt + _control(character) if modifiers & _CTRL else alt + _shifted(stroke).encode()
    return _function_key(name, modifiers, modes.application_cursor)


def _shifted(stroke: _Stroke) -> str:
    """``alt+shift+a`` types an A."""
    upper = stroke.character.upper()
    return upper if stroke.modifiers & _SHIFT and len(upper) == 1 else stroke.character


def _control(character: str) -> bytes:
    if "a" <= character.lower() <= "z":
        return bytes([ord(character.lower()) & 0x1F])
    code = _CONTROLS.get(character)
    return character.encode() if code is None else bytes([code])


def _function_key(name: str, modifiers: int, application_cursor: bool) -> bytes:
    if letter := _LETTER_KEYS.get(name):
        if modifiers:
            return f"\x1b[1;{modifiers + 1}{letter}".encode()
        single_shift = application_cursor if letter in "ABCDHFE" else True
        return f"\x1b{'O' if single_shift else '['}{letter}".encode()
    if number := _NUMBER_KEYS.get(name):
        return _numbered(number, modifiers)
    return b""


def _numbered(number: int, modifiers: int) -> bytes:
    return f"\x1b[{number};{modifiers + 1}~".encode() if modifiers else f"\x1b[{number}~".encode()


def _kitty(stroke: _Stroke, modes: TerminalModes) -> bytes:
    name, modifiers, character = stroke
    report_all = bool(modes.kitty_flags & REPORT_ALL)
    if name in _TEXT_KEYS:
        if name != "escape" and not modifiers and not report_all:
            return bytes([_TEXT_KEYS[name]])
        return _csi_u(_TEXT_KEYS[name], modifiers, modes)
    if character:
        if not report_all and not modifiers & ~_SHIFT:
            return _shifted(stroke).encode()
        code = character.lower() if len(character.lower()) == 1 else character
        if code != character:
            modifiers |= _SHIFT
        shifted = character.upper() if modifiers & _SHIFT and len(character.upper()) == 1 else ""
        text = shifted or character if not modifiers & ~_SHIFT else ""
        return _csi_u(ord(code), modifiers, modes, text, shifted if shifted != code else "")
    if code_point := _KITTY_KEYS.get(name):
        return _csi_u(code_point, modifiers, modes)
    if name == "f3":  # its letter would read as a cursor position report
        return _numbered(13, modifiers)
    if name in ("f1", "f2", "f4") and not modifiers:
        return f"\x1b[{_LETTER_KEYS[name]}".encode()
    return _function_key(name, modifiers, application_cursor=False)


def _csi_u(code: int, modifiers: int, modes: TerminalModes, text: str = "", shifted: str = "") -> bytes:
    """CSI code:shifted ; modifiers ; text u, with what is not needed left out."""
    first = str(code)
    if shifted and modes.kitty_flags & REPORT_ALTERNATES:
        first += f":{ord(shifted)}"
    with_text = bool(text) and bool(modes.kitty_flags & REPORT_TEXT) and bool(modes.kitty_flags & REPORT_ALL)
    parts = [first]
    if modifiers or with_text:
        parts.append(str(modifiers + 1) if modifiers else "")
    if with_text:
        parts.append(":".join(str(ord(char)) for char in text))
    return f"\x1b[{';'.join(parts)}u".encode()
