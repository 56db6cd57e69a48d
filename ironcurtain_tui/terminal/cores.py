"""Which emulator core to use. Imported by the screen process only: no other process of ours loads native cores."""

from __future__ import annotations

from typing import Literal

from ironcurtain_tui.terminal.core import EmulatorCore

CoreName = Literal["ghostty", "bittty"]


def make_core(cols: int, lines: int, prefer: CoreName = "ghostty") -> EmulatorCore:
    """The preferred core if it loads on this machine and proves its layout, else bittty."""
    if prefer == "ghostty":
        try:
            from ironcurtain_tui.terminal.ghostty import GhosttyCore

            return GhosttyCore(cols, lines)
        except (ImportError, OSError, AttributeError, RuntimeError):
            pass  # no build for this platform, or not the library we know
    from ironcurtain_tui.terminal.bittty import BitttyCore

    return BitttyCore(cols, lines)
