"""The agent's terminal: the one place on the screen where the agent draws, and only inside its rectangle.

The widget shows rows and says what the person did there; it talks to no one itself. Whoever owns it sends the
messages' ``message`` to the supervisor and hands the answers to ``apply`` and ``show_history``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import msgspec
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ironcurtain_tui.control.messages import (
    Cursor,
    CursorShape,
    Focus,
    HistoryRows,
    Key,
    Mouse,
    MouseKind,
    MouseTracking,
    Paste,
    ReadHistory,
    Resize,
    ScreenUpdate,
    TerminalModes,
)
from ironcurtain_tui.ui.widgets.terminal_line import Line, Overlay
from ironcurtain_tui.ui.widgets.terminal_palette import Palette
from ironcurtain_tui.ui.widgets.terminal_selection import Selection

WHEEL_LINES = 3
_PAGES = {"shift+pageup": -1, "shift+pagedown": 1}
_SELECTION, _BADGE = "agent-terminal--selection", "agent-terminal--badge"


class AgentTerminal(Widget, can_focus=True):
    """Shows the agent's screen and its history; every key but the reserved ones is the agent's."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {_SELECTION, _BADGE}
    ALLOW_SELECT = False  # Textual's selection knows no terminal; ours is below

    class KeyTyped(Message):
        """A key for the agent."""

        def __init__(self, message: Key) -> None:
            self.message = message
            super().__init__()

    class Pasted(Message):
        """Text pasted for the agent."""

        def __init__(self, message: Paste) -> None:
            self.message = message
            super().__init__()

    class MouseUsed(Message):
        """The mouse was used where the agent wants to know of it."""

        def __init__(self, message: Mouse) -> None:
            self.message = message
            super().__init__()

    class Resized(Message):
        """The widget has another size, and the agent's terminal should follow."""

        def __init__(self, message: Resize) -> None:
            self.message = message
            super().__init__()

    class FocusMoved(Message):
        """The terminal gained or lost the focus."""

        def __init__(self, message: Focus) -> None:
            self.message = message
            super().__init__()

    class HistoryWanted(Message):
        """Rows of the history are to be shown: hand the answer to ``show_history``."""

        def __init__(self, message: ReadHistory) -> None:
            self.message = message
            super().__init__()

    class LinkClicked(Message):
        """An address was clicked with ctrl held. Untrusted; opening it is for the person to decide."""

        def __init__(self, url: str) -> None:
            self.url = url
            super().__init__()

    class TextCopied(Message):
        """Text was marked with the mouse and put on the clipboard."""

        def __init__(self, text: str) -> None:
            self.text = text
            super().__init__()

    def __init__(self, *, is_reserved: Callable[[str], bool] | None = None, id: str | None = None) -> None:  # noqa: A002 -- Textual's name
        """``is_reserved`` tells keys of the app, which are left to it, from the agent's."""
        super().__init__(id=id)
        self._is_reserved = is_reserved or (lambda _key: False)
        self._cols, self._lines = 0, 0
        self._cursor = Cursor(visible=False)
        self._modes = TerminalModes()
        self._history = 0
        self._rows: dict[int, msgspec.Raw] = {}
        self._drawn: dict[int, Line] = {}
        self._palette_cache: Palette | None = None
        self._asked_size = (0, 0)
        self._ended = False
        # looking back
        self._top: int | None = None
        self._past: dict[int, msgspec.Raw] = {}
        self._past_settled = 0  # rows from here on were on the live screen and may have changed since
        self._request = 0
        self._waiting = False
        # marking text
        self._selection: Selection | None = None
        self._pressed_at: tuple[int, int] | None = None

    # --- what the owner calls -------------------------------------------------------------------------

    @property
    def scrolled_back(self) -> int:
        """How many lines above the live screen the view is; 0 when it is live."""
        return 0 if self._top is None else self._history - self._top

    @property
    def selected_text(self) -> str:
        """The marked text, lines joined by newlines; empty when there is none."""
        if self._selection is None:
            return ""
        lines = []
        for row in self._selection.rows:
            columns = self._selection.columns(row, self._cols)
            lines.append(self._line(row).text(columns.start, columns.stop))
        return "\n".join(lines)

    def apply(self, update: ScreenUpdate) -> None:
        """Show an update of the agent's screen."""
        before = self._cursor
        if update.full or (update.cols, update.lines) != (self._cols, self._lines):
            self._cols, self._lines = update.cols, update.lines
            self._rows.clear()
            self._drawn.clear()
            self._selection = None
            self._leave_history()
            self.refresh()
        for y, raw in update.rows.items():
            self._rows[y] = raw.copy()
            self._drawn.pop(y, None)
        self._cursor, self._modes = update.cursor, update.modes
        shift = update.history - self._history
        self._history = update.history
        if self._modes.alternate_screen:
            self._leave_history()
        if self._top is not None:
            if self._top + self.size.height > self._past_settled:
                self._ask_history()
            self._refresh_rows({0})
            return
        changed = set(update.rows)
        if before != self._cursor:
            changed |= {before.y, self._cursor.y}
        if self._selection is not None and shift:
            changed |= set(range(self._lines))
        self._refresh_rows(changed)
        if self.has_focus:
            self.app.cursor_position = self.content_region.offset + Offset(self._cursor.x, self._cursor.y)
        self._paint_now()

    def show_history(self, answer: HistoryRows) -> None:
        """Show rows that ``HistoryWanted`` asked for; an outdated answer is ignored."""
        if answer.request != self._request:
            return
        self._waiting = False
        self._past = {answer.top + index: raw.copy() for index, raw in enumerate(answer.rows)}
        self._past_settled = max(0, answer.total - self._lines)
        if self._top is not None:
            self.refresh()

    def end(self) -> None:
        """The agent is gone: the last screen stays, without a cursor, and keys are left to the app."""
        self._ended = True
        self.refresh()

    # --- drawing --------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        palette = self._palette()
        row = self._view_top() + y
        if self._top is None and y >= self._lines:
            return Strip.blank(width, palette.base)
        line = self._line(row)
        bar = self._cursor.x if self._cursor_style(row) is CursorShape.BAR else None
        strip = Strip(line.segments(palette, self._overlay(row), bar), self._cols)
        if self._cols != width:
            strip = strip.adjust_cell_length(width, palette.base)
        return self._with_badge(strip) if y == 0 and self._top is not None else strip

    def notify_style_update(self) -> None:
        """The theme changed: all colours are made anew."""
        super().notify_style_update()
        self._palette_cache = None

    def _palette(self) -> Palette:
        if self._palette_cache is None:
            theme = None if self.app.native_ansi_color else self.app.ansi_theme
            base = self.rich_style
            self._palette_cache = Palette(Style(color=base.color, bgcolor=base.bgcolor), theme)
        return self._palette_cache

    def _view_top(self) -> int:
        """The row at the top of the view; rows count from the oldest of the history."""
        return self._history if self._top is None else self._top

    def _line(self, row: int) -> Line:
        y = row - self._history
        if self._top is not None:
            return Line(self._past.get(row, self._rows.get(y)), self._cols)
        if y not in self._drawn:
            self._drawn[y] = Line(self._rows.get(y), self._cols)
        return self._drawn[y]

    def _overlay(self, row: int) -> Overlay | None:
        """Selection and cursor, if they touch this row."""
        marked = self._selection.columns(row, self._cols) if self._selection else range(0)
        cursor = self._cursor_style(row)
        if not marked and cursor is None:
            return None
        selection = self.get_component_rich_style(_SELECTION, partial=True)
        place = self._cursor.x
        drawn_as_glyph = cursor is CursorShape.BAR and self._line(row).is_blank(place)

        def overlay(column: int, below: Style) -> Style:
            style = below + Style(bgcolor=selection.bgcolor, reverse=False) if column in marked else below
            if cursor is not None and column == place and not drawn_as_glyph:
                return style + (
                    Style(reverse=not below.reverse) if cursor is CursorShape.BLOCK else Style(underline2=True)
                )
            return style

        return overlay

    def _cursor_style(self, row: int) -> CursorShape | None:
        """How to draw the cursor in ``row``; None when it is not there. Without the focus it is a line."""
        cursor = self._cursor
        if self._top is not None or self._ended or not cursor.visible or row - self._history != cursor.y:
            return None
        return cursor.shape if self.has_focus else CursorShape.UNDERLINE

    def _with_badge(self, strip: Strip) -> Strip:
        badge = f" ↑ {self.scrolled_back:,} lines "
        width = self.size.width
        if len(badge) > width:
            return strip
        style = self.get_component_rich_style(_BADGE)
        return Strip.join([strip.crop(0, width - len(badge)), Strip([Segment(badge, style)], len(badge))])

    def _refresh_rows(self, rows: set[int]) -> None:
        visible = [y for y in rows if 0 <= y < self.size.height]
        if len(visible) >= self.size.height - 1:
            self.refresh()
        elif visible:
            self.refresh(*[Region(0, y, self.size.width, 1) for y in visible])

    def _paint_now(self) -> None:
        """Do not wait for Textual's own screen timer (up to 16 ms): updates are paced where they are made.

        Private interface of Textual; without it, painting is merely that much later.
        """
        if not self.is_attached or self.screen is not self.app.screen or not self._repaint_required:
            return
        try:
            self.screen._dirty_widgets.add(self)
            self.screen._on_timer_update()
            self._repaint_required = False
        except AttributeError:
            pass

    # --- keys -----------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        if self._ended or self._is_reserved(event.key):
            return
        event.stop()
        event.prevent_default()
        if event.key in _PAGES and not self._modes.alternate_screen:
            self.scroll_history(_PAGES[event.key] * max(1, self.size.height - 1))
            return
        self.return_to_live()
        self.post_message(self.KeyTyped(Key(key=event.key, character=event.character)))

    def on_paste(self, event: events.Paste) -> None:
        if self._ended:
            return
        event.stop()
        self.return_to_live()
        self.post_message(self.Pasted(Paste(text=event.text)))

    def on_focus(self) -> None:
        self._focus_moved(True)

    def on_blur(self) -> None:
        self._focus_moved(False)

    def _focus_moved(self, focused: bool) -> None:
        self._refresh_rows({self._cursor.y})
        self.post_message(self.FocusMoved(Focus(focused=focused)))

    def on_resize(self, event: events.Resize) -> None:
        size = (event.size.width, event.size.height)
        if size != self._asked_size and all(size):
            self._asked_size = size
            self.post_message(self.Resized(Resize(cols=size[0], lines=size[1])))

    # --- history --------------------------------------------------------------------------------------

    def scroll_history(self, lines: int) -> None:
        """Move the view down by ``lines`` (up when negative); at the end it is live again."""
        top = max(0, self._view_top() + lines)
        if top >= self._history:
            self.return_to_live()
        elif top != self._top:
            self._top = top
            if any(row not in self._past for row in range(top, top + self.size.height)):
                self._ask_history()
            self.refresh()

    def _ask_history(self) -> None:
        """Ask for what is in view and a screenful around it; one question at a time is enough."""
        if self._top is None or (self._waiting and self._top in self._past):
            return
        self._waiting = True
        self._request += 1
        height = self.size.height
        top = max(0, self._top - height)
        self.post_message(
            self.HistoryWanted(ReadHistory(request=self._request, top=top, count=self._top + 2 * height - top))
        )

    def return_to_live(self) -> None:
        """Show the live screen again, with nothing marked."""
        if self._top is None and self._selection is None:
            return
        self._selection = None
        self._leave_history()
        self.refresh()

    def _leave_history(self) -> None:
        self._top = None
        self._past = {}
        self._waiting = False

    # --- mouse ----------------------------------------------------------------------------------------

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        if self._agent_takes(event):
            self.capture_mouse()
            self._tell(MouseKind.PRESS, event)
        elif event.ctrl and event.button == 1:
            row, column = self._place(event)
            if url := self._line(row).link_at(column):
                self.post_message(self.LinkClicked(url))
        elif event.button == 1 and self._cols:
            self.capture_mouse()
            self._pressed_at = self._place(event)
            self._mark(None)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._pressed_at is not None:
            here = self._place(event)
            if self._selection is not None or here != self._pressed_at:
                self._mark(Selection(self._pressed_at, here))
        elif self._agent_takes(event):
            tracking = self._modes.mouse
            if tracking is MouseTracking.MOTION or (tracking is MouseTracking.DRAG and event.button):
                self._tell(MouseKind.MOTION, event)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        event.stop()
        self.release_mouse()
        if self._pressed_at is not None:
            self._pressed_at = None
            self._copy()
        elif self._agent_takes(event):
            self._tell(MouseKind.RELEASE, event)

    def on_click(self, event: events.Click) -> None:
        """A double click marks a word, a triple click a line."""
        if event.chain < 2 or event.button != 1 or self._agent_takes(event) or not self._cols:
            return
        row, column = self._place(event)
        start, end = self._line(row).word_at(column) if event.chain == 2 else (0, self._cols)
        self._mark(Selection((row, start), (row, end - 1)))
        self._copy()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(MouseKind.SCROLL_UP, event, -WHEEL_LINES)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(MouseKind.SCROLL_DOWN, event, WHEEL_LINES)

    def _wheel(self, kind: MouseKind, event: events.MouseEvent, lines: int) -> None:
        event.stop()
        event.prevent_default()
        if self._agent_takes(event) or (self._modes.alternate_screen and not self._ended):
            self._tell(kind, event)
        else:
            self.scroll_history(lines)

    def _agent_takes(self, event: events.MouseEvent) -> bool:
        """Whether this belongs to the agent: it asked for the mouse, and shift does not say otherwise."""
        live = self._top is None and not self._ended
        return live and self._modes.mouse is not MouseTracking.NONE and not event.shift

    def _tell(self, kind: MouseKind, event: events.MouseEvent) -> None:
        x = max(0, min(event.x, self._cols - 1))
        y = max(0, min(event.y, self._lines - 1))
        button = event.button if event.button in (1, 2, 3) else 0
        self.post_message(
            self.MouseUsed(
                Mouse(kind=kind, x=x, y=y, button=button, shift=event.shift, alt=event.meta, ctrl=event.ctrl)
            )
        )

    def _place(self, event: events.MouseEvent) -> tuple[int, int]:
        """Row and column under the mouse, kept inside the view."""
        y = max(0, min(event.y, self.size.height - 1, max(0, self._lines - 1)))
        return self._view_top() + y, max(0, min(event.x, self._cols - 1))

    def _mark(self, selection: Selection | None) -> None:
        if selection != self._selection:
            self._selection = selection
            self.refresh()

    def _copy(self) -> None:
        """Put what is marked on the clipboard: marking it was the person's own act."""
        if text := self.selected_text:
            self.app.copy_to_clipboard(text)
            self.post_message(self.TextCopied(text))
