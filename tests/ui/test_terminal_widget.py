"""The agent's terminal in a running Textual app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual import events
from textual.app import App, ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from ironcurtain_tui.control.messages import (
    CellStyle,
    Cursor,
    CursorShape,
    HistoryRows,
    MouseKind,
    MouseTracking,
    Run,
    ScreenUpdate,
    TerminalModes,
)
from ironcurtain_tui.paths import resource
from ironcurtain_tui.ui.widgets.terminal import AgentTerminal
from ironcurtain_tui.ui.widgets.terminal_line import Line
from ironcurtain_tui.ui.widgets.terminal_selection import Selection

from .on_screen import OnScreen

COLS, LINES = 30, 8


class Bench(App[None]):
    """The terminal with a panel beside it, and a note of all it said."""

    CSS_PATH: ClassVar[list[str | PurePath]] = [resource("styles") / "terminal.tcss"]
    CSS = f"AgentTerminal {{ width: {COLS}; height: {LINES}; }} Static {{ width: 1fr; }}"

    def __init__(self) -> None:
        super().__init__()
        self.terminal = AgentTerminal(is_reserved=lambda key: key == "ctrl+a")
        self.said: list[Message] = []
        self.left_over: list[str] = []

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield self.terminal
            yield Static("|panel")

    def on_mount(self) -> None:
        self.terminal.focus()

    def _note(self, message: Message) -> None:
        self.said.append(message)

    on_agent_terminal_key_typed = on_agent_terminal_pasted = on_agent_terminal_mouse_used = _note
    on_agent_terminal_resized = on_agent_terminal_focus_moved = on_agent_terminal_history_wanted = _note
    on_agent_terminal_link_clicked = on_agent_terminal_text_copied = _note

    def on_key(self, event: events.Key) -> None:
        self.left_over.append(event.key)

    def of[M: Message](self, kind: type[M]) -> list[M]:
        return [message for message in self.said if isinstance(message, kind)]

    def shown(self) -> list[str]:
        """The screen, line by line, up to the height of the terminal."""
        return ["".join(part.text for part in strip) for strip in self.screen._compositor.render_strips()][:LINES]


def row(*runs: Run | str) -> msgspec.Raw:
    """A row as it travels."""
    return msgspec.Raw(msgspec.msgpack.encode(tuple(Run(run) if isinstance(run, str) else run for run in runs)))


def update(rows: Sequence[str | msgspec.Raw] | Mapping[int, str | msgspec.Raw], **changes: object) -> ScreenUpdate:
    """A full update when ``rows`` is a list, else one of the rows given by number."""
    numbered = rows if isinstance(rows, Mapping) else dict(enumerate(rows))
    usual = ScreenUpdate(
        cols=COLS,
        lines=LINES,
        cursor=Cursor(visible=False),
        modes=TerminalModes(),
        rows={y: row(content.ljust(COLS)) if isinstance(content, str) else content for y, content in numbered.items()},
        full=not isinstance(rows, Mapping),
    )
    return msgspec.structs.replace(usual, **changes)


async def test_shows_rows_and_changes_only_what_an_update_names() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        app.terminal.apply(update([f"line {y}" for y in range(LINES)]))
        app.terminal.apply(update({2: "changed"}))
        shown = app.shown()
        assert [line[:COLS].rstrip() for line in shown] == [
            "line 0", "line 1", "changed", "line 3", "line 4", "line 5", "line 6", "line 7"
        ]  # fmt: skip
        assert shown[0][COLS:].rstrip() == "|panel"


async def test_an_update_is_on_the_screen_without_waiting_for_a_timer() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        app.terminal.apply(update(["x"] * LINES))
        assert not app.terminal._repaint_required, "painted inside apply()"


async def test_asks_for_the_size_it_has() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        await OnScreen(app, pilot).caught_up()
        (asked,) = app.of(AgentTerminal.Resized)
        assert (asked.message.cols, asked.message.lines) == (COLS, LINES)


async def test_every_key_goes_to_the_agent_but_the_reserved_ones() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([""] * LINES))
        await pilot.press("a", "tab", "escape", "ctrl+c", "ctrl+a", "f5", "shift+enter")
        keys = [(typed.message.key, typed.message.character) for typed in app.of(AgentTerminal.KeyTyped)]
        assert [key for key, _ in keys] == ["a", "tab", "escape", "ctrl+c", "f5", "shift+enter"]
        assert keys[0] == ("a", "a")
        assert app.left_over == ["ctrl+a"]
        assert app.terminal.has_focus, "tab is the agent's"


async def test_pasted_text_goes_to_the_agent_whole() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.post_message(events.Paste("one\ntwo"))
        await OnScreen(app, pilot).caught_up()
        assert [pasted.message.text for pasted in app.of(AgentTerminal.Pasted)] == ["one\ntwo"]


async def test_when_the_agent_is_gone_keys_are_left_to_the_app_and_the_cursor_hides() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update(["bye"] + [""] * (LINES - 1), cursor=Cursor(x=4, y=0)))
        app.terminal.end()
        await pilot.press("x")
        assert not app.of(AgentTerminal.KeyTyped)
        assert app.left_over == ["x"]
        assert app.shown()[0].startswith("bye")
        assert not [part for part in app.terminal.render_line(0) if part.style and part.style.reverse]


async def test_says_when_the_focus_moves() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        await OnScreen(app, pilot).caught_up()
        app.set_focus(None)
        await OnScreen(app, pilot).caught_up()
        assert [moved.message.focused for moved in app.of(AgentTerminal.FocusMoved)] == [True, False]


@pytest.mark.parametrize(
    ("shape", "attribute"), [(CursorShape.BLOCK, "reverse"), (CursorShape.UNDERLINE, "underline2")]
)
async def test_the_cursor_covers_its_cell_also_of_a_wide_character(shape: CursorShape, attribute: str) -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        app.terminal.apply(update(["ab漢c".ljust(COLS - 1)] + [""] * (LINES - 1), cursor=Cursor(x=2, y=0, shape=shape)))
        strip = app.terminal.render_line(0)
        assert [part.text for part in strip if part.style and getattr(part.style, attribute)] == ["漢"]
        assert strip.cell_length == COLS


async def test_a_bar_cursor_is_a_bar_where_there_is_room_for_one() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        rows = ["ab".ljust(COLS), *[""] * (LINES - 1)]
        app.terminal.apply(update(rows, cursor=Cursor(x=2, y=0, shape=CursorShape.BAR)))
        assert app.shown()[0].startswith("ab▏ ")
        app.terminal.apply(update(rows, cursor=Cursor(x=1, y=0, shape=CursorShape.BAR)))
        assert app.shown()[0].startswith("ab ")
        parts = [part.text for part in app.terminal.render_line(0) if part.style and part.style.underline2]
        assert parts == ["b"], "on a letter it is a line below"


async def test_a_block_cursor_on_an_inverse_cell_is_still_seen() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        inverse = row(Run("abc", CellStyle(flags=16)), " " * (COLS - 3))
        app.terminal.apply(update([inverse] + [""] * (LINES - 1), cursor=Cursor(x=1, y=0)))
        parts = [(part.text, part.style.reverse) for part in app.terminal.render_line(0) if part.style]
        assert parts[:3] == [("a", True), ("b", False), ("c", True)]


async def test_the_sixteen_colours_are_the_themes_and_links_are_never_live() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        link = CellStyle(fg=1, link="https://example.org")
        app.terminal.apply(update([row(Run("red", link), " " * (COLS - 3))] + [""] * (LINES - 1)))
        style = next(iter(app.terminal.render_line(0))).style
        assert style is not None
        assert style.color is not None
        assert style.color.triplet == app.ansi_theme.ansi_colors[1]
        assert style.link is None
        assert style.underline


async def test_a_bigger_or_smaller_screen_than_the_widget_stays_in_its_rectangle() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)):
        for cols, lines in ((COLS + 9, LINES + 5), (COLS - 7, LINES - 3)):
            rows = {y: row("漢" * (cols // 2) + "x" * (cols % 2)) for y in range(lines)}
            app.terminal.apply(update(rows, cols=cols, lines=lines, full=True))
            for y in range(LINES):
                assert app.terminal.render_line(y).cell_length == COLS
            assert app.shown()[0][-10:].rstrip().endswith("|panel")


@given(
    runs=st.lists(
        st.builds(Run, st.text(max_size=12), st.builds(CellStyle, flags=st.integers(0, 255), fg=st.integers(0, 255))),
        max_size=8,
    ),
    cols=st.integers(1, 20),
)
def test_a_line_is_exactly_as_wide_as_the_screen_whatever_it_is_made_of(runs: list[Run], cols: int) -> None:
    line = Line(row(*runs), cols)
    assert sum(cell_len(text) for text, _ in line.runs) == cols
    assert len(line.cells) == cols
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 or char in "\u202e\u2066\u200d" for char in line.text())


@pytest.mark.parametrize("raw", [b"\xc1", b"\x93\x01", b"\x91\x91\x05"])
def test_what_is_no_row_is_a_blank_line(raw: bytes) -> None:
    assert Line(msgspec.Raw(raw), 5).text() == ""


# --- history ---


def answer(app: Bench, total: int) -> HistoryRows:
    """What the supervisor would say to the last question: rows that tell their number."""
    wanted = app.of(AgentTerminal.HistoryWanted)[-1].message
    numbers = range(wanted.top, min(wanted.top + wanted.count, total))
    rows = tuple(row(f"past {number}".ljust(COLS)) for number in numbers)
    return HistoryRows(request=wanted.request, top=wanted.top, total=total, rows=rows)


async def test_the_wheel_looks_back_and_any_key_returns_to_the_live_screen() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([f"live {y}" for y in range(LINES)], history=100))
        app.terminal.post_message(scroll_up())
        await OnScreen(app, pilot).caught_up()
        app.terminal.show_history(answer(app, 100 + LINES))
        await OnScreen(app, pilot).caught_up()
        shown = [line[:COLS].rstrip() for line in app.shown()]
        assert shown[0].startswith("past 97")
        assert shown[0].endswith("↑ 3 lines")
        assert shown[1:3] == ["past 98", "past 99"]
        await pilot.press("x")
        assert app.terminal.scrolled_back == 0
        assert app.shown()[0].startswith("live 0")
        assert [typed.message.key for typed in app.of(AgentTerminal.KeyTyped)] == ["x"]


async def test_shift_page_up_and_down_page_through_the_history() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([""] * LINES, history=100))
        await pilot.press("shift+pageup", "shift+pageup")
        assert app.terminal.scrolled_back == 2 * (LINES - 1)
        await pilot.press("shift+pagedown", "shift+pagedown")
        assert app.terminal.scrolled_back == 0
        assert not app.of(AgentTerminal.KeyTyped)


async def test_output_that_arrives_does_not_move_what_is_looked_at() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([""] * LINES, history=100))
        await pilot.press("shift+pageup")
        app.terminal.show_history(answer(app, 100 + LINES))
        top = app.shown()[1][:COLS].rstrip()
        app.terminal.apply(update({0: "new"}, history=150))
        await OnScreen(app, pilot).caught_up()
        assert app.shown()[1][:COLS].rstrip() == top
        assert app.terminal.scrolled_back == 50 + LINES - 1


async def test_an_outdated_answer_is_not_shown() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([""] * LINES, history=100))
        await pilot.press("shift+pageup")
        late = answer(app, 100 + LINES)
        await pilot.press("x", "shift+pageup")
        app.terminal.show_history(late)
        await OnScreen(app, pilot).caught_up()
        assert not any("past" in line for line in app.shown())


async def test_in_the_alternate_screen_paging_keys_and_wheel_are_the_agents() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update([""] * LINES, modes=TerminalModes(alternate_screen=True)))
        await pilot.press("shift+pageup")
        app.terminal.post_message(scroll_up())
        await OnScreen(app, pilot).caught_up()
        assert [typed.message.key for typed in app.of(AgentTerminal.KeyTyped)] == ["shift+pageup"]
        assert [used.message.kind for used in app.of(AgentTerminal.MouseUsed)] == [MouseKind.SCROLL_UP]


def scroll_up() -> events.MouseScrollUp:
    return events.MouseScrollUp(None, 1, 1, 0, -1, 0, False, False, False)


# --- mouse ---


async def test_the_mouse_is_the_agents_when_it_asked_for_it() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update(["text"] * LINES, modes=TerminalModes(mouse=MouseTracking.DRAG, mouse_sgr=True)))
        await pilot.mouse_down(app.terminal, offset=(3, 2))
        await pilot.hover(app.terminal, offset=(5, 2))
        await pilot.mouse_up(app.terminal, offset=(5, 2))
        used = [used.message for used in app.of(AgentTerminal.MouseUsed)]
        places = [(mouse.kind, mouse.x, mouse.y) for mouse in used]
        assert places[-3:] == [(MouseKind.PRESS, 3, 2), (MouseKind.MOTION, 5, 2), (MouseKind.RELEASE, 5, 2)]
        assert not app.of(AgentTerminal.TextCopied)


async def test_dragging_marks_text_and_copies_it() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update(["one 漢字 two", "three"] + [""] * (LINES - 2)))
        await pilot.mouse_down(app.terminal, offset=(4, 0))
        await pilot.hover(app.terminal, offset=(2, 1))
        await pilot.mouse_up(app.terminal, offset=(2, 1))
        assert [copied.text for copied in app.of(AgentTerminal.TextCopied)] == ["漢字 two\nthr"]
        assert app.clipboard == "漢字 two\nthr"
        marked = [part.text for part in app.terminal.render_line(1) if part.style and part.style.reverse is False]
        assert marked == ["thr"]


async def test_shift_marks_text_even_when_the_agent_has_the_mouse() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update(["hello there"] * LINES, modes=TerminalModes(mouse=MouseTracking.MOTION)))
        await pilot.mouse_down(app.terminal, offset=(0, 0), shift=True)
        await pilot.hover(app.terminal, offset=(4, 0))
        await pilot.mouse_up(app.terminal, offset=(4, 0), shift=True)
        assert [copied.text for copied in app.of(AgentTerminal.TextCopied)] == ["hello"]


async def test_double_and_triple_click_mark_word_and_line() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        app.terminal.apply(update(["hello there you"] * LINES))
        await pilot.click(app.terminal, offset=(7, 1), times=2)
        assert app.of(AgentTerminal.TextCopied)[-1].text == "there"
        await pilot.click(app.terminal, offset=(7, 2), times=3)
        assert app.of(AgentTerminal.TextCopied)[-1].text == "hello there you"


async def test_ctrl_click_reports_links_that_a_browser_opens_and_no_others() -> None:
    app = Bench()
    async with app.run_test(size=(COLS + 10, LINES)) as pilot:
        rows: list[str | msgspec.Raw] = [
            row(Run("click me", CellStyle(link="https://example.org/a")), " " * (COLS - 8)),
            "see http://x.test/b.",
            row(Run("local", CellStyle(link="file:///etc/passwd")), " " * (COLS - 5)),
            row(Run("script", CellStyle(link="javascript:alert(1)")), " " * (COLS - 6)),
        ]
        app.terminal.apply(update([*rows, *[""] * (LINES - len(rows))]))
        for y in range(5):
            await pilot.click(app.terminal, offset=(5 if y == 1 else 2, y), control=True)
        assert [clicked.url for clicked in app.of(AgentTerminal.LinkClicked)] == [
            "https://example.org/a",
            "http://x.test/b",
        ]


def test_a_selection_covers_the_same_cells_in_either_direction() -> None:
    down, up = Selection((1, 5), (3, 2)), Selection((3, 2), (1, 5))
    for row_number in range(5):
        assert down.columns(row_number, 10) == up.columns(row_number, 10)
    assert (down.columns(1, 10), down.columns(2, 10), down.columns(3, 10)) == (range(5, 10), range(10), range(3))
    assert down.rows == range(1, 4)
