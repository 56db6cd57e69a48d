"""Keys as a real terminal sends them."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from ironcurtain_tui.control.messages import TerminalModes
from ironcurtain_tui.terminal.keys import encode_focus, encode_key

LEGACY = TerminalModes()
KITTY = TerminalModes(kitty_flags=1)


@pytest.mark.parametrize(
    ("key", "character", "sent"),
    [
        ("a", "a", b"a"),
        ("A", "A", b"A"),
        ("é", "é", "é".encode()),
        ("漢", "漢", "漢".encode()),
        ("space", " ", b" "),
        ("full_stop", ".", b"."),
        ("euro_sign", "€", "€".encode()),
        ("euro_sign", None, "€".encode()),
        ("enter", "\r", b"\r"),
        ("tab", "\t", b"\t"),
        ("escape", "\x1b", b"\x1b"),
        ("backspace", "\x7f", b"\x7f"),
        ("shift+enter", None, b"\r"),
        ("shift+tab", None, b"\x1b[Z"),
        ("backtab", None, b"\x1b[Z"),
        ("alt+enter", None, b"\x1b\r"),
        ("alt+backspace", None, b"\x1b\x7f"),
        ("ctrl+backspace", None, b"\x08"),
        ("alt+a", "a", b"\x1ba"),
        ("alt+shift+a", "A", b"\x1bA"),
        ("alt+full_stop", None, b"\x1b."),
        ("ctrl+c", "\x03", b"\x03"),
        ("ctrl+shift+c", None, b"\x03"),
        ("alt+ctrl+c", None, b"\x1b\x03"),
        ("ctrl+@", "\x00", b"\x00"),
        ("ctrl+space", None, b"\x00"),
        ("ctrl+left_square_bracket", None, b"\x1b"),
        ("ctrl+backslash", None, b"\x1c"),
        ("ctrl+right_square_bracket", None, b"\x1d"),
        ("ctrl+circumflex_accent", None, b"\x1e"),
        ("ctrl+underscore", None, b"\x1f"),
        ("ctrl+slash", None, b"\x1f"),
        ("ctrl+question_mark", None, b"\x7f"),
        ("up", None, b"\x1b[A"),
        ("down", None, b"\x1b[B"),
        ("right", None, b"\x1b[C"),
        ("left", None, b"\x1b[D"),
        ("home", None, b"\x1b[H"),
        ("end", None, b"\x1b[F"),
        ("ctrl+right", None, b"\x1b[1;5C"),
        ("alt+ctrl+shift+left", None, b"\x1b[1;8D"),
        ("insert", None, b"\x1b[2~"),
        ("delete", None, b"\x1b[3~"),
        ("shift+delete", None, b"\x1b[3;2~"),
        ("pageup", None, b"\x1b[5~"),
        ("pagedown", None, b"\x1b[6~"),
        ("f1", None, b"\x1bOP"),
        ("f4", None, b"\x1bOS"),
        ("shift+f1", None, b"\x1b[1;2P"),
        ("f5", None, b"\x1b[15~"),
        ("ctrl+f5", None, b"\x1b[15;5~"),
        ("f12", None, b"\x1b[24~"),
        ("f13", None, b"\x1b[25~"),
        ("f20", None, b"\x1b[34~"),
        ("super+a", None, b""),
        ("caps_lock", None, b""),
        ("left_shift", None, b""),
        ("<ignore>", "\x1b[E", b""),
    ],
)
def test_legacy_keys(key: str, character: str | None, sent: bytes) -> None:
    assert encode_key(key, character, LEGACY) == sent


@pytest.mark.parametrize(
    ("key", "sent"),
    [("up", b"\x1bOA"), ("home", b"\x1bOH"), ("ctrl+up", b"\x1b[1;5A"), ("delete", b"\x1b[3~"), ("f1", b"\x1bOP")],
)
def test_application_cursor_keys(key: str, sent: bytes) -> None:
    assert encode_key(key, None, TerminalModes(application_cursor=True)) == sent


@pytest.mark.parametrize(
    ("key", "numeric", "application"),
    [("decimal", b".", b"\x1bOn"), ("add", b"+", b"\x1bOk"), ("divide", b"/", b"\x1bOo"), ("equal", b"=", b"\x1bOX")],
)
def test_keypad(key: str, numeric: bytes, application: bytes) -> None:
    assert encode_key(key, None, LEGACY) == numeric
    assert encode_key(key, None, TerminalModes(application_keypad=True)) == application


@pytest.mark.parametrize(
    ("key", "flags", "sent"),
    [
        ("a", 1, b"a"),
        ("shift+enter", 1, b"\x1b[13;2u"),
        ("enter", 1, b"\r"),
        ("escape", 1, b"\x1b[27u"),
        ("ctrl+c", 1, b"\x1b[99;5u"),
        ("alt+a", 1, b"\x1b[97;3u"),
        ("ctrl+shift+a", 1, b"\x1b[97;6u"),
        ("shift+tab", 1, b"\x1b[9;2u"),
        ("f3", 1, b"\x1b[13~"),
        ("f1", 1, b"\x1b[P"),
        ("f25", 1, b"\x1b[57388u"),
        ("a", 8, b"\x1b[97u"),
        ("A", 8, b"\x1b[97;2u"),
        ("A", 8 | 4, b"\x1b[97:65;2u"),
        ("A", 8 | 16, b"\x1b[97;2;65u"),
        ("a", 8 | 16, b"\x1b[97;;97u"),
        ("enter", 8, b"\x1b[13u"),
    ],
)
def test_kitty_protocol(key: str, flags: int, sent: bytes) -> None:
    assert encode_key(key, None, TerminalModes(kitty_flags=flags)) == sent


@pytest.mark.parametrize("flags", [0, 1, 3, 7, 8, 31])
def test_no_key_name_breaks_it(flags: int) -> None:
    modes = TerminalModes(kitty_flags=flags)
    for key in ("", "+", "ctrl+", "nonsense", "ctrl+nonsense", "+a", "a+b+c", "\x00"):
        assert isinstance(encode_key(key, None, modes), bytes)


def test_focus_is_told_when_asked_for() -> None:
    asked = TerminalModes(focus_events=True)
    assert (encode_focus(True, asked), encode_focus(False, asked)) == (b"\x1b[I", b"\x1b[O")
    assert encode_focus(True, LEGACY) == b""


# --- against libghostty's own encoder ---

GHOSTTY_KEYS = {
    "enter": "ENTER", "tab": "TAB", "escape": "ESCAPE", "backspace": "BACKSPACE", "delete": "DELETE",
    "insert": "INSERT", "home": "HOME", "end": "END", "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN",
    "up": "ARROW_UP", "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT", "space": "SPACE",
    "minus": "MINUS", "slash": "SLASH", "full_stop": "PERIOD", "backslash": "BACKSLASH",
    **{f"f{number}": f"F{number}" for number in range(1, 21)},
    **{letter: letter.upper() for letter in "abz"},
    **{digit: f"DIGIT_{digit}" for digit in "0269"},
}  # fmt: skip
TYPED = {"space": " ", "minus": "-", "slash": "/", "full_stop": ".", "backslash": "\\"}
ALL_MODIFIERS = [chosen for size in range(4) for chosen in itertools.combinations(("alt", "ctrl", "shift"), size)]


class GhosttyEncoder:
    """libghostty's key encoder, in the modes its terminal was put into."""

    def __init__(self, setup: bytes) -> None:
        from pyghostty._ffi import ffi, lib

        self.ffi: Any = ffi
        self.lib: Any = lib
        encoder, event, terminal = (
            ffi.new("GhosttyKeyEncoder*"),
            ffi.new("GhosttyKeyEvent*"),
            ffi.new("GhosttyTerminal*"),
        )
        assert lib.ghostty_key_encoder_new(ffi.NULL, encoder) == 0
        assert lib.ghostty_key_event_new(ffi.NULL, event) == 0
        assert lib.ghostty_terminal_new(ffi.NULL, terminal, 80, 24) == 0
        self.encoder, self.event = encoder[0], event[0]
        lib.ghostty_terminal_vt_write(terminal[0], setup, len(setup))
        lib.ghostty_key_encoder_setopt_from_terminal(self.encoder, terminal[0])

    def encode(self, modifiers: tuple[str, ...], key: str) -> bytes:
        ffi, lib, event = self.ffi, self.lib, self.event
        character = key if len(key) == 1 else TYPED.get(key, "")
        typed = (character.upper() if "shift" in modifiers else character).encode()
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, getattr(lib, f"GHOSTTY_KEY_{GHOSTTY_KEYS[key]}"))
        lib.ghostty_key_event_set_mods(event, sum({"shift": 1, "ctrl": 2, "alt": 4}[name] for name in modifiers))
        lib.ghostty_key_event_set_consumed_mods(event, 1 if "shift" in modifiers and character else 0)
        text = ffi.new("char[]", typed)
        lib.ghostty_key_event_set_utf8(event, text if typed else ffi.NULL, len(typed))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(character) if character else 0)
        out, length = ffi.new("char[256]"), ffi.new("size_t*")
        assert lib.ghostty_key_encoder_encode(self.encoder, event, out, 256, length) == 0
        return bytes(ffi.buffer(out, length[0]))


@pytest.mark.parametrize(
    ("setup", "modes"),
    [
        (b"\x1b[>1u", TerminalModes(kitty_flags=1)),
        (b"\x1b[>1u\x1b[?1h", TerminalModes(kitty_flags=1, application_cursor=True)),
        (b"\x1b[>9u", TerminalModes(kitty_flags=9)),
        (b"\x1b[>13u", TerminalModes(kitty_flags=13)),
        (b"\x1b[>29u", TerminalModes(kitty_flags=29)),
    ],
)
def test_kitty_keys_are_libghosttys(setup: bytes, modes: TerminalModes) -> None:
    ghostty = GhosttyEncoder(setup)
    for key, modifiers in itertools.product(GHOSTTY_KEYS, ALL_MODIFIERS):
        name = "+".join([*modifiers, key])
        assert encode_key(name, None, modes) == ghostty.encode(modifiers, key), name


@pytest.mark.parametrize(("setup", "modes"), [(b"", LEGACY), (b"\x1b[?1h", TerminalModes(application_cursor=True))])
def test_legacy_keys_are_libghosttys_but_for_its_own_extensions(setup: bytes, modes: TerminalModes) -> None:
    """libghostty reports what legacy cannot tell apart as CSI 27 or CSI u; we send what xterm sends."""
    ghostty = GhosttyEncoder(setup)
    compared = 0
    for key, modifiers in itertools.product(GHOSTTY_KEYS, ALL_MODIFIERS):
        theirs = ghostty.encode(modifiers, key)
        extension = theirs.startswith((b"\x1b[27;", b"\x1b[13;")) or theirs.endswith(b"u")
        if extension or (key == "backspace" and len(modifiers) == 3):
            continue
        compared += 1
        name = "+".join([*modifiers, key])
        assert encode_key(name, None, modes) == theirs, name
    assert compared > 300
