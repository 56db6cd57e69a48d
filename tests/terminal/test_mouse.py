"""Mouse reports."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import Mouse, MouseKind, MouseTracking, TerminalModes
from ironcurtain_tui.terminal.mouse import encode_mouse

PRESS, RELEASE, MOTION = MouseKind.PRESS, MouseKind.RELEASE, MouseKind.MOTION
UP, DOWN = MouseKind.SCROLL_UP, MouseKind.SCROLL_DOWN


def modes(tracking: MouseTracking, sgr: bool = True) -> TerminalModes:
    return TerminalModes(mouse=tracking, mouse_sgr=sgr)


@pytest.mark.parametrize(
    ("mouse", "sgr", "x10"),
    [
        (Mouse(kind=PRESS, x=0, y=0, button=1), b"\x1b[<0;1;1M", b"\x1b[M !!"),
        (Mouse(kind=RELEASE, x=0, y=0, button=1), b"\x1b[<0;1;1m", b"\x1b[M#!!"),
        (Mouse(kind=PRESS, x=4, y=9, button=2), b"\x1b[<1;5;10M", b"\x1b[M!%*"),
        (Mouse(kind=PRESS, x=4, y=9, button=3), b"\x1b[<2;5;10M", b'\x1b[M"%*'),
        (Mouse(kind=PRESS, x=0, y=0, button=1, shift=True, alt=True, ctrl=True), b"\x1b[<28;1;1M", b"\x1b[M<!!"),
        (Mouse(kind=MOTION, x=1, y=1, button=1), b"\x1b[<32;2;2M", b'\x1b[M@""'),
        (Mouse(kind=MOTION, x=1, y=1), b"\x1b[<35;2;2M", b'\x1b[MC""'),
        (Mouse(kind=UP, x=1, y=1), b"\x1b[<64;2;2M", b'\x1b[M`""'),
        (Mouse(kind=DOWN, x=1, y=1), b"\x1b[<65;2;2M", b'\x1b[Ma""'),
        (Mouse(kind=PRESS, x=300, y=0, button=1), b"\x1b[<0;301;1M", b""),
        (Mouse(kind=PRESS, x=222, y=0, button=1), b"\x1b[<0;223;1M", b"\x1b[M \xff!"),
    ],
)
def test_reports(mouse: Mouse, sgr: bytes, x10: bytes) -> None:
    assert encode_mouse(mouse, modes(MouseTracking.MOTION)) == sgr
    assert encode_mouse(mouse, modes(MouseTracking.MOTION, sgr=False)) == x10


@pytest.mark.parametrize(
    ("tracking", "told"),
    [
        (MouseTracking.NONE, []),
        (MouseTracking.CLICK, ["press", "release", "wheel"]),
        (MouseTracking.DRAG, ["press", "release", "wheel", "drag"]),
        (MouseTracking.MOTION, ["press", "release", "wheel", "drag", "move"]),
    ],
)
def test_only_what_was_asked_for_is_told(tracking: MouseTracking, told: list[str]) -> None:
    happened = {
        "press": Mouse(kind=PRESS, x=1, y=1, button=1),
        "release": Mouse(kind=RELEASE, x=1, y=1, button=1),
        "wheel": Mouse(kind=UP, x=1, y=1),
        "drag": Mouse(kind=MOTION, x=1, y=1, button=1),
        "move": Mouse(kind=MOTION, x=1, y=1),
    }
    assert [name for name, mouse in happened.items() if encode_mouse(mouse, modes(tracking))] == told


def test_the_wheel_is_arrow_keys_in_an_alternate_screen_that_wants_no_mouse() -> None:
    scroll = Mouse(kind=DOWN, x=0, y=0)
    alternate = TerminalModes(alternate_screen=True, alternate_scroll=True)
    assert encode_mouse(scroll, alternate) == b"\x1b[B" * 3
    application = TerminalModes(alternate_screen=True, alternate_scroll=True, application_cursor=True)
    assert encode_mouse(scroll, application) == b"\x1bOB" * 3
    assert encode_mouse(scroll, TerminalModes(alternate_screen=True)) == b""
    assert encode_mouse(scroll, TerminalModes(alternate_scroll=True)) == b""


@given(
    mouse=st.builds(
        Mouse,
        kind=st.sampled_from(MouseKind),
        x=st.integers(-5, 400),
        y=st.integers(-5, 400),
        button=st.integers(0, 9),
    ),
    tracking=st.sampled_from(MouseTracking),
    sgr=st.booleans(),
)
def test_no_event_breaks_it(mouse: Mouse, tracking: MouseTracking, sgr: bool) -> None:
    sent = encode_mouse(mouse, modes(tracking, sgr))
    assert sent == b"" or sent.startswith(b"\x1b[")


# --- against libghostty's own encoder ---

TRACKING_BYTES = {
    MouseTracking.CLICK: b"\x1b[?1000h",
    MouseTracking.DRAG: b"\x1b[?1002h",
    MouseTracking.MOTION: b"\x1b[?1003h",
}
ACTIONS = {PRESS: 0, RELEASE: 1, MOTION: 2, UP: 0, DOWN: 0}
BUTTONS = {1: 1, 2: 3, 3: 2}  # libghostty counts left, right, middle


def ghostty_reports(tracking: MouseTracking, sgr: bool, events: list[Mouse]) -> list[bytes]:
    """What libghostty reports for each of ``events``."""
    from pyghostty import _ffi

    ffi: Any = _ffi.ffi
    lib: Any = _ffi.lib
    encoder, event, terminal = (
        ffi.new("GhosttyMouseEncoder*"),
        ffi.new("GhosttyMouseEvent*"),
        ffi.new("GhosttyTerminal*"),
    )
    assert lib.ghostty_mouse_encoder_new(ffi.NULL, encoder) == 0
    assert lib.ghostty_mouse_event_new(ffi.NULL, event) == 0
    assert lib.ghostty_terminal_new(ffi.NULL, terminal, 80, 24) == 0
    setup = TRACKING_BYTES[tracking] + (b"\x1b[?1006h" if sgr else b"")
    lib.ghostty_terminal_vt_write(terminal[0], setup, len(setup))
    lib.ghostty_mouse_encoder_setopt_from_terminal(encoder[0], terminal[0])
    size = ffi.new("GhosttyMouseEncoderSize*")
    size.size, size.screen_width, size.screen_height = ffi.sizeof("GhosttyMouseEncoderSize"), 80, 24
    size.cell_width = size.cell_height = 1
    lib.ghostty_mouse_encoder_setopt(encoder[0], lib.GHOSTTY_MOUSE_ENCODER_OPT_SIZE, size)
    reports = []
    for mouse in events:
        button = {UP: 4, DOWN: 5}.get(mouse.kind, BUTTONS.get(mouse.button, 0))
        pressed = ffi.new("bool*", bool(mouse.button))
        lib.ghostty_mouse_encoder_setopt(encoder[0], lib.GHOSTTY_MOUSE_ENCODER_OPT_ANY_BUTTON_PRESSED, pressed)
        lib.ghostty_mouse_event_set_action(event[0], ACTIONS[mouse.kind])
        if button:
            lib.ghostty_mouse_event_set_button(event[0], button)
        else:
            lib.ghostty_mouse_event_clear_button(event[0])
        lib.ghostty_mouse_event_set_mods(event[0], mouse.shift * 1 + mouse.ctrl * 2 + mouse.alt * 4)
        position = ffi.new("GhosttyMousePosition*")
        position.x, position.y = mouse.x, mouse.y
        lib.ghostty_mouse_event_set_position(event[0], position[0])
        out, length = ffi.new("char[64]"), ffi.new("size_t*")
        assert lib.ghostty_mouse_encoder_encode(encoder[0], event[0], out, 64, length) == 0
        reports.append(bytes(ffi.buffer(out, length[0])))
    return reports


@pytest.mark.parametrize("tracking", TRACKING_BYTES)
@pytest.mark.parametrize("sgr", [True, False])
def test_reports_are_libghosttys(tracking: MouseTracking, sgr: bool) -> None:
    flags = list(itertools.product((False, True), repeat=3))
    buttons = {PRESS: (1, 2, 3), RELEASE: (1, 2, 3), MOTION: (0, 1, 2, 3), UP: (0,), DOWN: (0,)}
    events = [
        Mouse(kind=kind, x=3 + number, y=number, button=button, shift=shift, alt=alt, ctrl=ctrl)
        for kind in buttons
        for button in buttons[kind]
        for number, (shift, alt, ctrl) in enumerate(flags)
    ]
    assert [encode_mouse(mouse, modes(tracking, sgr)) for mouse in events] == ghostty_reports(tracking, sgr, events)
