"""Mouse reports."""

from __future__ import annotations

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
