"""What the screen process does with commands, in this process."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.framing import pack
from ironcurtain_tui.control.messages import decode_row
from ironcurtain_tui.terminal.cores import make_core
from ironcurtain_tui.terminal.screen_process import FrameSplitter, UpdateSource
from ironcurtain_tui.terminal.screen_protocol import Command, Feed, ReadScrollback, SetSize


@given(cuts=st.lists(st.integers(1, 40)))
def test_commands_survive_any_split(cuts: list[int]) -> None:
    commands: list[Command] = [Feed(data=b"abc"), SetSize(cols=80, lines=24), ReadScrollback(request=1, top=0, count=5)]
    wire = b"".join(pack(command) for command in commands)
    splitter = FrameSplitter()
    got: list[Command] = []
    while wire:
        cut = cuts.pop() if cuts else len(wire)
        got += splitter.feed(wire[:cut])
        wire = wire[cut:]
    assert got == commands


@pytest.mark.parametrize("wire", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x01\xc0"])
def test_what_is_no_command_is_refused(wire: bytes) -> None:
    with pytest.raises((ValueError, msgspec.DecodeError)):
        FrameSplitter().feed(wire)


def test_updates_name_only_rows_that_look_different() -> None:
    core = make_core(20, 5)
    source = UpdateSource(core)
    first = source.next_update()
    assert first is not None
    assert first.full
    assert set(first.rows) == {0, 1, 2, 3, 4}
    core.feed(b"\x1b[2;1Hx")
    second = source.next_update()
    assert second is not None
    assert set(second.rows) == {1}, "the row the cursor left looks the same"
    core.feed(b"\x1b[2;1Hx")
    assert source.next_update() is None
    core.feed(b"\x1b[?2004h")
    modes_only = source.next_update()
    assert modes_only is not None
    assert modes_only.rows == {}
    assert modes_only.modes.bracketed_paste


def test_a_new_size_is_a_full_update() -> None:
    core = make_core(20, 3)
    source = UpdateSource(core)
    core.feed(b"hello")
    source.next_update()
    core.resize(10, 2)
    update = source.next_update()
    assert update is not None
    assert update.full
    assert {y: decode_row(raw)[0].text for y, raw in update.rows.items()} == {0: "hello     ", 1: " " * 10}
