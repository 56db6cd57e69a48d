"""A screen written down as bytes looks and goes on as the one it was taken of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironcurtain_tui.control.messages import Row
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.core import EmulatorCore
from ironcurtain_tui.terminal.cores import CoreName, make_core
from ironcurtain_tui.terminal.emulator import EmulatorEvents, ScreenProcess
from ironcurtain_tui.terminal.key_frame import is_whole
from ironcurtain_tui.terminal.recording import Recorder, parts
from ironcurtain_tui.terminal.replay import Replay

RECORDINGS = sorted(Path(__file__).parent.joinpath("recordings").glob("*.raw"))
CUTS = 5


def seen(core: EmulatorCore) -> tuple[list[Row], object, object]:
    rows = core.read_history(core.history(), core.lines)
    list(core.changed_rows())
    return rows, core.cursor(), core.modes()


def cut_at(data: bytes, place: int) -> int:
    while place < len(data) and not is_whole(data[:place]):
        place += 1
    return place


def twin(core: EmulatorCore, name: CoreName = "ghostty") -> EmulatorCore:
    made = make_core(core.cols, core.lines, name)
    made.feed(core.key_frame())
    return made


@pytest.mark.parametrize("path", [path for path in RECORDINGS if path.stem != "crash"], ids=lambda path: path.stem)
def test_real_programs_look_the_same(path: Path) -> None:
    data = path.read_bytes()
    for number in range(1, CUTS):
        core = make_core(120, 40, "ghostty")
        core.feed(data[: cut_at(data, number * len(data) // CUTS)])
        assert seen(twin(core)) == seen(core)


def test_they_go_on_the_same() -> None:
    core = make_core(40, 10, "ghostty")
    core.feed(b"old\r\n" * 15 + b"\x1b[2J\x1b[31;1mred\x1b[0m plain\r\n\x1b[3;7r\x1b[5;5Hin the region")
    core.feed(b"\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[?25l\x1b[=5;1u\x1b[44m\x1b]8;;http://x\x1b\\link")
    copy = twin(core)
    for each in (core, copy):
        each.feed(b"\r\n\n\n\n\n\n\n more\r\nX\x1b[Hhome\x1b[?6h\x1b[Horigin\ttab")
    assert seen(copy) == seen(core)


def test_the_alternate_screen_is_the_one_that_is_drawn() -> None:
    core = make_core(40, 10, "ghostty")
    core.feed(b"primary\x1b[?1049h\x1b[2J\x1b[Halternate \x1b[10;36Hlast \xe6\xbc\xa2")
    copy = twin(core)
    assert copy.modes().alternate_screen
    assert seen(copy) == seen(core)


def test_the_other_core_draws_its_rows_too() -> None:
    core = make_core(40, 10, "bittty")
    core.feed(b"\x1b[31mred\x1b[0m\r\n\x1b[5;5Hthere\x1b[?2004h")
    rows, cursor, _ = seen(twin(core, "bittty"))
    assert (rows, cursor) == seen(core)[:2]


PIECES = st.sampled_from(
    [
        *(
            b"text ",
            "漢👍🏽é".encode(),
            b"\r\n",
            b"\n\n\n",
            b"\t",
            b"\b",
            b"\x1b[H",
            b"\x1b[2J",
            b"\x1b[5;7H",
            b"\x1b[3;8r",
        ),
        *(b"\x1b[1;3;4;38;5;9;48;2;1;2;3m", b"\x1b[4:3;58:2::9:8:7m", b"\x1b[0m", b"\x1b[?1049h", b"\x1b[?25l"),
        *(b"\x1b[10L", b"\x1b[3M", b"\x1b[5@", b"\x1b[4P", b"\x1b[K", b"\x1b[?7l", b"x" * 45, b"\x1b[?6h", b"\x1b[4h"),
    ]
)


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=25))
def test_whatever_was_printed_looks_the_same(pieces: list[bytes]) -> None:
    core = make_core(40, 10, "ghostty")
    core.feed(b"".join(pieces))
    assert seen(twin(core))[0] == seen(core)[0]


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", True),
        (b"text", True),
        (b"\x1b", False),
        (b"a\x1b[", False),
        (b"a\x1b[3", False),
        (b"a\x1b[31;", False),
        (b"a\x1b[31mx", True),
        (b"\x1b]0;title", False),
        (b"\x1b]0;title\x07", True),
        (b"\x1b]0;title\x1b\\", True),
        (b"\x1b(", False),
        (b"\x1b(B", True),
        (b"\x1b7", True),
        (b"\x1bP1$r", False),
    ],
)
def test_a_sequence_that_is_cut_is_noticed(data: bytes, whole: bool) -> None:
    assert is_whole(data) is whole


async def test_what_is_left_of_a_long_recording_begins_with_the_right_screen(tmp_path: Path) -> None:
    """The real way: output goes to recorder and screen, parts are dropped, and the rest plays right."""
    path, size = tmp_path / "r.cast", (60, 16)
    screen = await ScreenProcess.start(*size, EmulatorEvents())
    recorder = Recorder(path, *size, limit=40_000)
    terminal = AgentTerminal(screen, recorder, TaskOwner(), size, records_keys=False)
    expected = make_core(*size, "ghostty")
    lines = [f"\x1b[2;1Hstep {number} {'x' * 300}\x1b[16;1H\x1b[?25l" for number in range(400)]
    everything = ["\x1b[?1049h\x1b[2J\x1b[31mstays on top\x1b[0m\x1b[?2004h", *lines]
    for text in everything:
        await terminal._output(text.encode())
        expected.feed(text.encode())
    await terminal.close()
    assert len(parts(path)) == 4
    replay = Replay.load(path)
    assert replay.cut
    beginning = replay.beginning(len(replay.events))
    assert replay.events[beginning].code == "k"
    assert beginning > len(replay.events) // 2
    for start in (0, beginning):
        core = make_core(*replay.size_before(start), "ghostty")
        for number, event in enumerate(replay.events[start:]):
            if event.code == "o" or (event.code == "k" and number == 0):
                core.feed(event.data.encode())
        assert seen(core) == seen(expected)
