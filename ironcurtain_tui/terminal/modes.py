"""The sequences that put a fresh terminal into given modes (xterm's ctlseqs, kitty keyboard protocol)."""

from __future__ import annotations

from ironcurtain_tui.control.messages import MouseTracking, TerminalModes

_MOUSE = {MouseTracking.NONE: 0, MouseTracking.CLICK: 1000, MouseTracking.DRAG: 1002, MouseTracking.MOTION: 1003}


def restore_modes(modes: TerminalModes) -> bytes:
    """What a program would print to reach ``modes`` from power-on."""
    private = {
        1: modes.application_cursor,
        66: modes.application_keypad,
        1004: modes.focus_events,
        1006: modes.mouse_sgr,
        1007: modes.alternate_scroll,
        1049: modes.alternate_screen,
        2004: modes.bracketed_paste,
    }
    if mouse := _MOUSE[modes.mouse]:
        private[mouse] = True
    switches = "".join(f"\x1b[?{number}{'h' if on else 'l'}" for number, on in private.items())
    return (switches + (f"\x1b[={modes.kitty_flags};1u" if modes.kitty_flags else "")).encode()
