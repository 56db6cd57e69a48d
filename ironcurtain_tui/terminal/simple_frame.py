"""The key frame of a core that cannot write itself down."""

from __future__ import annotations

from ironcurtain_tui.terminal.core import EmulatorCore
from ironcurtain_tui.terminal.key_frame import paint
from ironcurtain_tui.terminal.modes import restore_modes


def simple_frame(core: EmulatorCore) -> bytes:
    """Rows, cursor and the modes that matter for input; margins, tab stops and the like are not in it."""
    cursor, rows = core.cursor(), enumerate(core.read_history(core.history(), core.lines))
    place = f"\x1b[{cursor.y + 1};{cursor.x + 1}H" + ("" if cursor.visible else "\x1b[?25l")
    return restore_modes(core.modes()) + paint(rows) + place.encode()
