"""Both emulator cores behind the one interface, on recordings of real programs and on hostile bytes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from ironcurtain_tui.control.messages import CellStyle, CursorShape, MouseTracking, Row, Run
from ironcurtain_tui.terminal.bittty import BitttyCore
from ironcurtain_tui.terminal.core import EmulatorCore
from ironcurtain_tui.terminal.cores import CoreName, make_core
from ironcurtain_tui.terminal.ghostty import GhosttyCore

RECORDINGS = Path(__file__).parent / "recordings"
CORES: list[CoreName] = ["ghostty", "bittty"]


def text(row: Row) -> str:
    return "".join(run.text for run in row)


def width(row: Row) -> int:
    return cell_len(text(row))


def screen(core: EmulatorCore) -> list[str]:
    """All rows of a core that was not read before."""
    return [text(row).rstrip() for _, row in sorted(dict(core.changed_rows()).items())]


@pytest.fixture(params=CORES)
def core(request: pytest.FixtureRequest) -> EmulatorCore:
    made = make_core(20, 4, request.param)
    assert made.name == request.param
    return made


# --- recordings: screens as tmux 3.3a shows them (see recordings/README) ---


@pytest.mark.parametrize("name", ["bash", "claude-onboarding", "claude-session", "codex"])
@pytest.mark.parametrize("prefer", CORES)
def test_recordings_of_real_programs_look_as_they_should(name: str, prefer: CoreName) -> None:
    expected = json.loads((RECORDINGS / f"{name}.json").read_text())
    data = (RECORDINGS / f"{name}.raw").read_bytes()
    core = make_core(expected["cols"], expected["lines"], prefer)
    rows: dict[int, Row] = {}
    fed = 0
    for moment in expected["screens"]:
        core.feed(data[fed : moment["bytes"]])
        fed = moment["bytes"]
        rows.update(dict(core.changed_rows()))
        cursor = core.cursor()
        assert [cursor.x, cursor.y] == moment["cursor"]
        for y, wanted in enumerate(moment["rows"]):
            assert width(rows[y]) == expected["cols"]
            if prefer == "bittty" and "emoji" in wanted:
                continue  # it has no grapheme clusters
            assert text(rows[y]).rstrip() == wanted


@pytest.mark.parametrize("name", ["claude-session", "codex"])
def test_it_does_not_matter_where_the_bytes_are_split(name: str) -> None:
    data = (RECORDINGS / f"{name}.raw").read_bytes()[:20_000]
    whole, bytewise = GhosttyCore(120, 40), GhosttyCore(120, 40)
    whole.feed(data)
    for start in range(0, len(data), 7):
        bytewise.feed(data[start : start + 7])
    assert screen(whole) == screen(bytewise)
    assert whole.take_replies() == bytewise.take_replies()


# --- what viewers are told ---


def test_only_rows_that_changed_are_given(core: EmulatorCore) -> None:
    core.feed(b"one\r\ntwo\r\nthree")
    assert set(dict(core.changed_rows())) == {0, 1, 2, 3}
    assert dict(core.changed_rows()) == {}
    core.feed(b"\x1b[2;1HTWO\x1b[3;6H")
    changed = dict(core.changed_rows())
    assert text(changed[1]).rstrip() == "TWO"
    assert 0 not in changed


def test_colours_and_attributes_come_through(core: EmulatorCore) -> None:
    core.feed(b"\x1b[1;3;4;31;48;5;200ma\x1b[0;2;7;9;38;2;1;2;3mb\x1b[0;4:3;58;2;9;8;7mc\x1b[0m")
    row = next(core.changed_rows())[1]
    assert row[0] == Run("a", CellStyle(fg=1, bg=200, flags=3, underline=1))
    assert row[1] == Run("b", CellStyle(fg=0x1010203, flags=4 | 16 | 64))
    assert row[2] == Run("c", CellStyle(underline=3, underline_color=0x1090807))


def test_erased_cells_keep_their_background(core: EmulatorCore) -> None:
    core.feed(b"\x1b[48;2;10;20;30m\x1b[K\x1b[2;1H\x1b[44m\x1b[K")
    rows = dict(core.changed_rows())
    assert rows[0] == (Run(" " * 20, CellStyle(bg=0x10A141E)),)
    assert rows[1] == (Run(" " * 20, CellStyle(bg=4)),)


def test_links_are_told_apart_and_bounded(core: EmulatorCore) -> None:
    long = "http://x/" + "y" * 5_000
    core.feed(
        f"\x1b]8;;http://a\x1b\\A\x1b]8;;http://b\x1b\\B\x1b]8;;\x1b\\\x1b]8;;{long}\x1b\\C\x1b]8;;\x1b\\D".encode()
    )
    runs = {run.text.strip(): run.style.link for run in next(core.changed_rows())[1]}
    assert runs["A"] == "http://a"
    assert runs["B"] == "http://b"
    assert not any(len(link) > 2_048 for link in runs.values())


def test_modes_that_change_what_keys_send_are_reported(core: EmulatorCore) -> None:
    core.feed(b"\x1b[?1;66;1004;1006;1003;2004;1049h\x1b[>5u\x1b[?1007h")
    list(core.changed_rows())
    modes = core.modes()
    assert modes.application_cursor
    assert modes.application_keypad
    assert modes.bracketed_paste
    assert modes.focus_events
    assert modes.mouse is MouseTracking.MOTION
    assert modes.mouse_sgr
    assert modes.alternate_screen
    assert modes.alternate_scroll
    assert modes.kitty_flags == 5


@pytest.mark.parametrize(
    ("parameter", "shape"), [(2, CursorShape.BLOCK), (4, CursorShape.UNDERLINE), (6, CursorShape.BAR)]
)
def test_cursor_shape_place_and_visibility(core: EmulatorCore, parameter: int, shape: CursorShape) -> None:
    core.feed(f"\x1b[{parameter} q\x1b[3;5H\x1b[?25l".encode())
    list(core.changed_rows())
    cursor = core.cursor()
    assert (cursor.x, cursor.y, cursor.visible, cursor.blinking, cursor.shape) == (4, 2, False, False, shape)


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_what_is_meant_for_the_clipboard_is_counted_and_read_by_nobody(end: bytes) -> None:
    core = GhosttyCore(20, 4)
    core.feed(b"\x1b]52;c;aGVsbG8=" + end)
    assert core.take_clipboard_writes() == 1
    assert core.take_clipboard_writes() == 0
    core.feed(b"\x1b]52;c;?" + end)
    assert core.take_clipboard_writes() == 0
    assert b"aGVsbG8" not in core.take_replies(), "nor is it given back"
    core.close()


def test_title_bell_and_replies_are_taken_once(core: EmulatorCore) -> None:
    core.feed(b"\x1b]0;a title\x07\x07\x07\x1b[6n")
    assert core.title() == "a title"
    assert core.take_bells() == 2
    assert core.take_bells() == 0
    assert core.take_replies() == b"\x1b[1;1R"
    assert core.take_replies() == b""


def test_a_synchronized_update_is_held_until_it_ends(core: EmulatorCore) -> None:
    core.feed(b"\x1b[?2026hhalf")
    assert core.held()
    core.feed(b" done\x1b[?2026l")
    assert not core.held()


def test_history_has_what_scrolled_away_and_the_screen_after_it(core: EmulatorCore) -> None:
    core.feed(b"\r\n".join(b"line %d" % number for number in range(50)))
    list(core.changed_rows())
    assert core.history() == 46
    assert [text(row).rstrip() for row in core.read_history(0, 3)] == ["line 0", "line 1", "line 2"]
    everything = core.read_history(0, 1_000)
    assert [text(row).rstrip() for row in everything] == [f"line {number}" for number in range(50)]
    assert core.read_history(50, 10) == []
    assert screen(core)[:4] in ([], ["line 46", "line 47", "line 48", "line 49"]), "the live screen is untouched"


def test_resizing_reflows_and_reports_every_row(core: EmulatorCore) -> None:
    core.feed(b"a line that is longer than twenty columns")
    list(core.changed_rows())
    core.resize(50, 4)
    rows = dict(core.changed_rows())
    assert set(rows) == {0, 1, 2, 3}
    assert all(width(row) == 50 for row in rows.values())


def test_the_program_cannot_change_the_size(core: EmulatorCore) -> None:
    core.feed(b"\x1b[?40h\x1b[?3hwide")
    rows = dict(core.changed_rows())
    assert (core.cols, core.lines) == (20, 4)
    assert all(width(row) == 20 for row in rows.values())


def test_an_image_is_not_stored_and_no_file_is_opened_for_one(tmp_path: Path) -> None:
    core = GhosttyCore(20, 4)
    picture = tmp_path / "picture"
    picture.write_bytes(b"\x00" * 12)
    core.feed(b"\x1b_Ga=T,f=24,s=2,v=2,i=7;AAAAAAAAAAAAAAAA\x1b\\")
    core.feed(b"\x1b_Ga=T,f=24,s=2,v=2,i=8,t=f;" + str(picture).encode().hex().encode() + b"\x1b\\")
    assert b";OK" not in core.take_replies()


def test_what_the_program_asks_about_us_is_not_answered_with_its_own_words(core: EmulatorCore) -> None:
    core.feed(b"\x1b]0;rm -rf /\x07\x1b[21t\x1b]52;c;?\x07")
    assert b"rm -rf" not in core.take_replies()


# --- hostile input ---

CLUSTERS = ["漢", "👍🏽", "👨‍👩‍👧", "🇯🇵", "e\u0301", "\u202e", "❤️", "\u200d", "\x7f", "\x9b", "ก็", "ﷺ"]
CONTROLS = [
    "\x1b[?3h",
    "\x1b[?40h",
    "\x1bc",
    "\x1b#8",
    "\x1b#6",
    "\x1b(0",
    "\x1b]8;;http://x\x1b\\",
    "\x1bM",
    "\n",
    "\r",
]
SEQUENCES = st.one_of(
    st.binary(max_size=12),
    st.text(max_size=6).map(str.encode),
    st.sampled_from([*CLUSTERS, *CONTROLS]).map(str.encode),
    st.builds(
        lambda prefix, numbers, final: f"\x1b[{prefix}{';'.join(map(str, numbers))}{final}".encode(),
        st.sampled_from(["", "?", ">", "="]),
        st.lists(st.integers(0, 300), max_size=3),
        st.sampled_from("ABCDEFGHJKLMPSTXZ@abcdefghlmnqrstu"),
    ),
)


@pytest.mark.parametrize("prefer", CORES)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=st.lists(SEQUENCES, max_size=25),
    sizes=st.lists(st.tuples(st.integers(2, 30), st.integers(1, 8)), max_size=3),
)
def test_every_row_measures_exactly_the_columns(
    prefer: CoreName, parts: list[bytes], sizes: list[tuple[int, int]]
) -> None:
    core = make_core(13, 5, prefer)
    for number, part in enumerate(parts):
        core.feed(part)
        if sizes and number % 8 == 7:
            core.resize(*sizes[number // 8 % len(sizes)])
        for y, row in core.changed_rows():
            assert 0 <= y < core.lines
            assert width(row) == core.cols, row
            assert sum(cell_len(run.text) for run in row) == core.cols, "also run by run"
            assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u200d" for char in text(row))
    for row in core.read_history(0, 100):
        assert width(row) == core.cols
    core.close()


def test_without_the_native_library_the_fallback_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ironcurtain_tui.terminal.ghostty", None)
    assert isinstance(make_core(10, 2), BitttyCore)


def test_a_library_with_another_layout_is_refused_not_misread(monkeypatch: pytest.MonkeyPatch) -> None:
    from ironcurtain_tui.terminal import ghostty

    class Shifted(ghostty.CellLayout):
        def __init__(self) -> None:
            super().__init__()
            self.style <<= 1

    monkeypatch.setattr(ghostty, "CellLayout", Shifted)
    assert make_core(10, 2).name == "bittty"
