"""Putting a fresh terminal into the modes of an old one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import MouseTracking, TerminalModes
from ironcurtain_tui.terminal.cores import CoreName, make_core
from ironcurtain_tui.terminal.modes import restore_modes

MODES = st.builds(
    TerminalModes,
    alternate_screen=st.booleans(),
    application_cursor=st.booleans(),
    application_keypad=st.booleans(),
    bracketed_paste=st.booleans(),
    focus_events=st.booleans(),
    mouse=st.sampled_from(MouseTracking),
    mouse_sgr=st.booleans(),
    alternate_scroll=st.booleans(),
    kitty_flags=st.integers(0, 31),
)


@pytest.mark.parametrize("prefer", ["ghostty", "bittty"])
@given(modes=MODES)
def test_a_fresh_terminal_reaches_any_modes(prefer: CoreName, modes: TerminalModes) -> None:
    core = make_core(10, 2, prefer)
    core.feed(restore_modes(modes))
    list(core.changed_rows())
    assert core.modes() == modes
    core.close()
