"""Mouse events turned into the reports the agent asked for (xterm's ctlseqs, "Mouse Tracking")."""

from __future__ import annotations

from ironcurtain_tui.control.messages import Mouse, MouseKind, MouseTracking, TerminalModes

WHEEL_LINES = 3
"""Arrow keys one turn of the wheel sends in the alternate screen (DEC mode 1007)."""

_RELEASED = 3
_BUTTONS = {1: 0, 2: 1, 3: 2}
_X10_LIMIT = 223
"""Columns and rows the old format can express: 255 - 32."""


def encode_mouse(mouse: Mouse, modes: TerminalModes) -> bytes:
    """The report for ``mouse`` in ``modes``; empty when the agent does not want it."""
    scrolls = mouse.kind in (MouseKind.SCROLL_UP, MouseKind.SCROLL_DOWN)
    if modes.mouse is MouseTracking.NONE:
        if not (scrolls and modes.alternate_screen and modes.alternate_scroll):
            return b""
        introducer = "\x1bO" if modes.application_cursor else "\x1b["
        arrow = "A" if mouse.kind is MouseKind.SCROLL_UP else "B"
        return (introducer + arrow).encode() * WHEEL_LINES
    if mouse.kind is MouseKind.MOTION and not _wants_motion(mouse, modes.mouse):
        return b""
    code = _code(mouse)
    if mouse.shift:
        code += 4
    if mouse.alt:
        code += 8
    if mouse.ctrl:
        code += 16
    x, y = max(0, mouse.x) + 1, max(0, mouse.y) + 1
    if modes.mouse_sgr:
        final = "m" if mouse.kind is MouseKind.RELEASE else "M"
        return f"\x1b[<{code};{x};{y}{final}".encode()
    if x > _X10_LIMIT or y > _X10_LIMIT:
        return b""
    if mouse.kind is MouseKind.RELEASE:
        code = code & ~3 | _RELEASED
    return b"\x1b[M" + bytes([32 + code, 32 + x, 32 + y])


def _wants_motion(mouse: Mouse, tracking: MouseTracking) -> bool:
    return tracking is MouseTracking.MOTION or (tracking is MouseTracking.DRAG and mouse.button != 0)


def _code(mouse: Mouse) -> int:
    if mouse.kind is MouseKind.SCROLL_UP:
        return 64
    if mouse.kind is MouseKind.SCROLL_DOWN:
        return 65
    button = _BUTTONS.get(mouse.button, _RELEASED)
    return button + 32 if mouse.kind is MouseKind.MOTION else button
