"""The first choice of core: libghostty-vt, which pyghostty brings, by its C interface (ghostty_library.py).

pyghostty's own binding is far too slow for frames, so rows are read as packed 64-bit cells. Their layout
is taken from the library's own description (``ghostty_type_json``) and proved by a self-test when a core
is made: a library that does not match raises ``LayoutError`` instead of being misread.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ironcurtain_tui.control.messages import CellStyle, Cursor, CursorShape, MouseTracking, Row, Run, TerminalModes
from ironcurtain_tui.terminal.cells import fit, safe_cluster
from ironcurtain_tui.terminal.core import LINK_LIMIT, ROW_LINKS_LIMIT, SCROLLBACK_ROWS, TITLE_LIMIT
from ironcurtain_tui.terminal.ghostty_abi import ffi
from ironcurtain_tui.terminal.ghostty_library import (
    CellLayout,
    LayoutError,
    check,
    grid_ref,
    lib,
    new,
    new_bytes,
    new_sized,
    scroll_viewport,
)
from ironcurtain_tui.terminal.key_frame import paint
from ironcurtain_tui.terminal.simple_frame import simple_frame

FOREGROUND = (0xE0, 0xE0, 0xE0)
BACKGROUND = (0x12, 0x12, 0x12)
"""Default colours told to programs that ask (OSC 10, 11)."""
CELL_PIXELS = (8, 16)
VERSION_ANSWER = b"ghostty 1.2.0 ironcurtain"
"""Answer to XTVERSION: programs choose the protocols they speak by this name."""
BYTES_A_CELL = 9
"""Of scrollback. A limit in lines makes feeding 3-4 times slower, so history is bounded by bytes."""
CACHE_LIMIT = 65_536

DEFAULT_STYLE = CellStyle()
RGB = 0x1000000

# DEC private modes and what they mean for us
_APPLICATION_CURSOR, _APPLICATION_KEYPAD, _BRACKETED_PASTE = 1, 66, 2004
_FOCUS_EVENTS, _ALTERNATE_SCROLL, _MOUSE_SGR, _GRAPHEMES = 1004, 1007, 1006, 2027
_MOUSE = (
    (1003, MouseTracking.MOTION),
    (1002, MouseTracking.DRAG),
    (1000, MouseTracking.CLICK),
    (9, MouseTracking.CLICK),
)
_ALTERNATE = b"\x1b[?1049h"
_SHAPES = {0: CursorShape.BAR, 1: CursorShape.BLOCK, 2: CursorShape.UNDERLINE, 3: CursorShape.BLOCK}


class CharacterCache(dict[int, str]):
    """Text of a cell by its codepoint and width bits."""

    def __init__(self, layout: CellLayout) -> None:
        super().__init__()
        self._layout = layout

    def __missing__(self, key: int) -> str:
        layout = self._layout
        width = key & layout.wide
        codepoint = (key & layout.codepoint) >> layout.content_lsb
        if width == layout.wide_tail:
            text = ""
        elif codepoint == 0 or width == layout.wide_spacer:
            text = " "
        else:
            text = fit(chr(codepoint), 2 if width else 1)
        if len(self) >= CACHE_LIMIT:
            self.clear()
        self[key] = text
        return text


class GhosttyCore:
    """An ``EmulatorCore`` on libghostty-vt."""

    name = "ghostty"

    def __init__(self, cols: int, lines: int, *, proved: bool = False) -> None:
        self.cols, self.lines = cols, lines
        self._layout = CellLayout()
        self._characters = CharacterCache(self._layout)
        self._styles: dict[bytes, CellStyle] = {}
        self._replies = bytearray()
        self._bells = 0
        self._clipboard_writes = 0
        self._held = False
        self._callback_error: BaseException | None = None
        self._everything_changed = True
        self._kept: list[Any] = []  # what the library points to must outlive it
        self._allocate()
        self._configure()
        self._listen()
        if not proved:
            _prove()

    def _allocate(self) -> None:
        self._terminal_box = new("GhosttyTerminal")
        check(lib.ghostty_terminal_new(ffi.NULL, self._terminal_box, self.cols, self.lines), "terminal_new")
        self._terminal = self._terminal_box[0]
        self._state = self._new_state()
        self._history_state = self._new_state()
        self._iterator_box = new("GhosttyRenderStateRowIterator")
        check(lib.ghostty_render_state_row_iterator_new(ffi.NULL, self._iterator_box), "row_iterator_new")
        self._iterator = self._iterator_box[0]
        self._cells_box = new("GhosttyRenderStateRowCells")
        check(lib.ghostty_render_state_row_cells_new(ffi.NULL, self._cells_box), "row_cells_new")
        self._cells = self._cells_box[0]
        # buffers that every frame reuses
        self._view = new("GhosttyCellsView")
        self._style = new_sized("GhosttyStyle")
        self._style_bytes = ffi.buffer(self._style)
        self._cursor = new_sized("GhosttyRenderStateCursor")
        self._row_number = new("uint16_t")
        self._cluster_bytes = new_bytes(256)
        self._cluster = new("GhosttyBuffer")
        self._mode = new("GhosttyTerminalModeConfig")
        self._link_bytes = new_bytes(LINK_LIMIT)
        self._size = new("size_t")

    def _new_state(self) -> Any:
        box = new("GhosttyRenderState")
        check(lib.ghostty_render_state_new(ffi.NULL, box), "render_state_new")
        return box[0]

    def _configure(self) -> None:
        self._set("SCROLLBACK_MAX_BYTES", new("size_t", SCROLLBACK_ROWS * self.cols * BYTES_A_CELL))
        self._set("SCROLLBACK_MAX_LINES", new("size_t", 2**62))
        self._set("KITTY_IMAGE_STORAGE_LIMIT", new("uint64_t", 0))
        self._set("COLOR_FOREGROUND", new("GhosttyColorRgb", FOREGROUND))
        self._set("COLOR_BACKGROUND", new("GhosttyColorRgb", BACKGROUND))
        self._set("TERMINFO_NAME", self._string(b"xterm-256color"))
        for option in ("MODE_DEFAULT", "MODE"):  # grapheme clusters, also after a reset
            self._mode.mode, self._mode.value = _GRAPHEMES, True
            self._set(option, self._mode)

    def _string(self, text: bytes) -> Any:
        characters, string = new_bytes(text), new("GhosttyString")
        string.ptr, string.len = ffi.cast("uint8_t *", characters), len(text)
        self._kept += [characters, string]
        return string

    def _listen(self) -> None:
        def replied(_terminal: Any, _user: Any, data: Any, length: int) -> None:
            self._replies += ffi.buffer(data, length)

        def rang(_terminal: Any, _user: Any) -> None:
            self._bells += 1

        denied = new("GhosttyClipboardWriteReply")
        denied.size, denied.result = ffi.sizeof(denied[0]), lib.GHOSTTY_CLIPBOARD_WRITE_RESULT_DENIED
        self._kept.append(denied)

        def clipboard(_terminal: Any, _user: Any, write: Any) -> None:
            self._clipboard_writes += 1
            write.reply(write, denied)

        def hold(_terminal: Any, _user: Any, held: bool) -> None:
            self._held = bool(held)

        def size(_terminal: Any, _user: Any, out: Any) -> bool:
            out[0].rows, out[0].columns = self.lines, self.cols
            out[0].cell_width, out[0].cell_height = CELL_PIXELS
            return True

        def scheme(_terminal: Any, _user: Any, out: Any) -> bool:
            out[0] = lib.GHOSTTY_COLOR_SCHEME_DARK
            return True

        version = self._string(VERSION_ANSWER)

        def identity(_terminal: Any, _user: Any) -> Any:
            return version[0]

        for option, kind, callback in (
            ("WRITE_PTY", "GhosttyTerminalWritePtyFn", replied),
            ("BELL", "GhosttyTerminalBellFn", rang),
            ("CLIPBOARD_WRITE", "GhosttyTerminalClipboardWriteFn", clipboard),
            ("RENDER_HOLD", "GhosttyTerminalRenderHoldFn", hold),
            ("SIZE", "GhosttyTerminalSizeFn", size),
            ("COLOR_SCHEME", "GhosttyTerminalColorSchemeFn", scheme),
            ("XTVERSION", "GhosttyTerminalXtversionFn", identity),
        ):
            native = ffi.callback(kind, callback, onerror=self._callback_failed)
            self._kept.append(native)
            self._set(option, native)

    def _callback_failed(self, _kind: Any, error: BaseException, _trace: Any) -> None:
        self._callback_error = error

    def _set(self, option: str, value: Any) -> None:
        check(lib.ghostty_terminal_set(self._terminal, getattr(lib, f"GHOSTTY_TERMINAL_OPT_{option}"), value), option)

    def _get(self, key: str, kind: str) -> Any:
        out = new(kind)
        check(lib.ghostty_terminal_get(self._terminal, getattr(lib, f"GHOSTTY_TERMINAL_DATA_{key}"), out), key)
        return out[0]

    def _mode_is_set(self, number: int) -> bool:
        self._mode.mode = number
        check(lib.ghostty_terminal_get(self._terminal, lib.GHOSTTY_TERMINAL_DATA_MODE, self._mode), "mode")
        return bool(self._mode.value)

    def feed(self, data: bytes) -> None:
        lib.ghostty_terminal_vt_write(self._terminal, data, len(data))
        if self._callback_error is not None:
            error, self._callback_error = self._callback_error, None
            raise error

    def resize(self, cols: int, lines: int) -> None:
        self.cols, self.lines = cols, lines
        check(lib.ghostty_terminal_resize(self._terminal, cols, lines, *CELL_PIXELS), "resize")
        self._everything_changed = True

    def changed_rows(self) -> Iterator[tuple[int, Row]]:
        if self._get("COLS", "uint16_t") != self.cols:  # DECCOLM changed it behind our back
            self.resize(self.cols, self.lines)
        check(lib.ghostty_render_state_update(self._state, self._terminal), "render_state_update")
        everything, self._everything_changed = self._everything_changed, False
        self._iterate(self._state)
        if everything:
            for y in range(self.lines):
                if not lib.ghostty_render_state_row_iterator_next(self._iterator):
                    break
                yield y, self._row(y)
        else:
            while lib.ghostty_render_state_row_iterator_next_dirty(self._iterator, self._row_number):
                y = self._row_number[0]
                yield y, self._row(y)
        lib.ghostty_render_state_clean(self._state)

    def cursor(self) -> Cursor:
        cursor = self._cursor
        lib.ghostty_render_state_get(self._state, lib.GHOSTTY_RENDER_STATE_DATA_CURSOR, cursor)
        return Cursor(
            x=cursor.viewport_x,
            y=cursor.viewport_y,
            visible=bool(cursor.visible and cursor.viewport_has_value),
            blinking=bool(cursor.blinking),
            shape=_SHAPES.get(int(cursor.visual_style), CursorShape.BLOCK),
        )

    def modes(self) -> TerminalModes:
        tracking = next((kind for mode, kind in _MOUSE if self._mode_is_set(mode)), MouseTracking.NONE)
        screen = self._get("ACTIVE_SCREEN", "GhosttyTerminalScreen")
        return TerminalModes(
            alternate_screen=screen == lib.GHOSTTY_TERMINAL_SCREEN_ALTERNATE,
            application_cursor=self._mode_is_set(_APPLICATION_CURSOR),
            application_keypad=self._mode_is_set(_APPLICATION_KEYPAD),
            bracketed_paste=self._mode_is_set(_BRACKETED_PASTE),
            focus_events=self._mode_is_set(_FOCUS_EVENTS),
            mouse=tracking,
            mouse_sgr=self._mode_is_set(_MOUSE_SGR),
            alternate_scroll=self._mode_is_set(_ALTERNATE_SCROLL),
            kitty_flags=int(self._get("KITTY_KEYBOARD_FLAGS", "uint8_t")),
        )

    def title(self) -> str:
        title = self._get("TITLE", "GhosttyString")
        if not title.len:
            return ""
        return bytes(ffi.buffer(title.ptr, min(title.len, 4 * TITLE_LIMIT))).decode("utf-8", "replace")[:TITLE_LIMIT]

    def history(self) -> int:
        return int(self._get("SCROLLBACK_ROWS", "size_t"))

    def read_history(self, top: int, count: int) -> list[Row]:
        rows: list[Row] = []
        total = self.history() + self.lines
        count = max(0, min(count, total - top))
        while len(rows) < count:
            # The view cannot go below the last screenful, so the page may start above the wanted row.
            first = min(top + len(rows), total - self.lines)
            skip = top + len(rows) - first
            self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_ROW, first)
            check(lib.ghostty_render_state_update(self._history_state, self._terminal), "render_state_update")
            self._iterate(self._history_state)
            before = len(rows)
            for y in range(self.lines):
                if len(rows) == count or not lib.ghostty_render_state_row_iterator_next(self._iterator):
                    break
                if y >= skip:
                    rows.append(self._row(y))
            if len(rows) == before:
                break
        self._scroll(lib.GHOSTTY_SCROLL_VIEWPORT_BOTTOM, 0)
        self._everything_changed = True  # the second reader took the dirty marks
        return rows

    def _scroll(self, tag: int, row: int) -> None:
        where = new("IroncurtainScroll")
        where.tag, where.row = tag, row
        scroll_viewport(self._terminal, where[0])

    def key_frame(self) -> bytes:
        text = self._formatted((), ())
        before = self._formatted(("modes", "tabstops", "keyboard"), ())
        after = self._formatted(
            ("scrolling_region",), ("cursor", "style", "hyperlink", "protection", "kitty_keyboard", "charsets")
        )
        if not before.endswith(text) or not after.startswith(text):
            return simple_frame(self)
        # Its text leaves blank rows at the end out, so the rows are painted each at its place, and only what stands
        # around the text is taken over: modes and tab stops before it, region, cursor and style behind.
        modes = before[: len(before) - len(text)].replace(_ALTERNATE, b"")
        alternate = _ALTERNATE if self.modes().alternate_screen else b""
        rows = enumerate(self.read_history(self.history(), self.lines))
        return alternate + paint(rows) + modes + after[len(text) :]

    def _formatted(self, terminal: tuple[str, ...], screen: tuple[str, ...]) -> bytes:
        """The terminal written down as control sequences, with these extras."""
        options = new_sized("GhosttyFormatterTerminalOptions")
        options.emit = lib.GHOSTTY_FORMATTER_FORMAT_VT
        for name in terminal:
            setattr(options.extra, name, True)
        for name in screen:
            setattr(options.extra.screen, name, True)
        formatter, size = new("GhosttyFormatter"), new("size_t")
        check(lib.ghostty_formatter_terminal_new(ffi.NULL, formatter, self._terminal, options[0]), "formatter_new")
        try:
            lib.ghostty_formatter_format_buf(formatter[0], ffi.NULL, 0, size)  # tells how much room it needs
            written = new_bytes(max(1, size[0]))
            check(lib.ghostty_formatter_format_buf(formatter[0], written, size[0], size), "format")
            return bytes(ffi.buffer(written, size[0]))
        finally:
            lib.ghostty_formatter_free(formatter[0])

    def take_replies(self) -> bytes:
        replies = bytes(self._replies)
        self._replies.clear()
        return replies

    def take_bells(self) -> int:
        bells, self._bells = self._bells, 0
        return bells

    def take_clipboard_writes(self) -> int:
        writes, self._clipboard_writes = self._clipboard_writes, 0
        return writes

    def held(self) -> bool:
        return self._held

    def close(self) -> None:
        if self._terminal is None:
            return
        lib.ghostty_render_state_row_cells_free(self._cells)
        lib.ghostty_render_state_row_iterator_free(self._iterator)
        lib.ghostty_render_state_free(self._state)
        lib.ghostty_render_state_free(self._history_state)
        lib.ghostty_terminal_free(self._terminal)
        self._terminal = None

    def _iterate(self, state: Any) -> None:
        lib.ghostty_render_state_get(state, lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR, self._iterator_box)

    def _row(self, y: int) -> Row:
        """The row under the iterator as runs; ``y`` is its place in the view."""
        layout, characters, view = self._layout, self._characters, self._view
        lib.ghostty_render_state_row_get(self._iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW, view)
        cells: list[int] = memoryview(ffi.buffer(view.ptr, view.len * 8)).cast("Q").tolist()
        union = 0
        for cell in cells:
            union |= cell
        if not union & layout.odd:
            return (Run("".join([characters[cell & layout.codepoint] for cell in cells])),)
        lib.ghostty_render_state_row_get(self._iterator, lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS, self._cells_box)
        texts = self._texts(cells, union)
        links = self._links(cells, y) if union & layout.link else {}
        keys = self._keys(cells, union)
        runs: list[Run] = []
        start = 0
        styles: dict[int, CellStyle] = {0: DEFAULT_STYLE}  # style ids are per page of memory: good for one row only
        for end in range(1, len(cells) + 1):
            if end < len(cells) and keys[end] == keys[start] and links.get(end) == links.get(start):
                continue
            style = styles.get(keys[start])
            if style is None:
                style = styles[keys[start]] = self._cell_style(start, keys[start])
            if link := links.get(start):
                style = CellStyle(style.fg, style.bg, style.flags, style.underline, style.underline_color, link)
            runs.append(Run("".join(texts[start:end]), style))
            start = end
        return tuple(runs)

    def _texts(self, cells: list[int], union: int) -> list[str]:
        """What each cell draws; the second half of a wide character draws nothing."""
        layout, characters = self._layout, self._characters
        kept = layout.codepoint | layout.wide
        if union & 2:  # some cells hold only a background: a colour in place of the codepoint
            texts = [" " if cell & 2 else characters[cell & kept] for cell in cells]
        else:
            texts = [characters[cell & kept] for cell in cells]
        if union & 1:
            for x, cell in enumerate(cells):
                if cell & layout.tag == 1:
                    texts[x] = safe_cluster(self._cluster_at(x), 2 if cell & layout.wide else 1)
        if union & layout.wide:
            self._mend_halves(cells, texts)
        return texts

    def _mend_halves(self, cells: list[int], texts: list[str]) -> None:
        """Narrowing the screen can cut a wide character in half: show the orphan as a blank."""
        layout, before = self._layout, 0
        for x, cell in enumerate(cells):
            width = cell & layout.wide
            if width == layout.wide_tail:
                if before != layout.wide_head:
                    texts[x] = " "
            elif before == layout.wide_head:
                texts[x - 1] = " "
            before = width
        if before == layout.wide_head:
            texts[-1] = " "

    def _keys(self, cells: list[int], union: int) -> list[int]:
        """What tells the styles of a row apart: the style id, or the colour of a background-only cell."""
        layout = self._layout
        if not union & 2:
            return [cell & layout.style for cell in cells]
        background = layout.content | layout.tag
        return [cell & background if cell & 2 else cell & layout.style for cell in cells]

    def _cell_style(self, x: int, key: int) -> CellStyle:
        layout = self._layout
        if key & layout.tag:
            value = (key & layout.content) >> layout.content_lsb
            if key & layout.tag == 2:
                return CellStyle(bg=value & 0xFF)
            return CellStyle(bg=RGB | (value & 0xFF) << 16 | (value & 0xFF00) | (value >> 16) & 0xFF)
        lib.ghostty_render_state_row_cells_select(self._cells, x)
        kind = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
        lib.ghostty_render_state_row_cells_get(self._cells, kind, self._style)
        raw = bytes(self._style_bytes)
        style = self._styles.get(raw)
        if style is None:
            if len(self._styles) >= CACHE_LIMIT:
                self._styles.clear()
            style = self._styles[raw] = self._decode_style()
        return style

    def _decode_style(self) -> CellStyle:
        style = self._style
        names = ("bold", "italic", "faint", "blink", "inverse", "invisible", "strikethrough", "overline")
        return CellStyle(
            fg=_colour(style.fg_color),
            bg=_colour(style.bg_color),
            flags=sum(1 << bit for bit, name in enumerate(names) if getattr(style, name)),
            underline=int(style.underline),
            underline_color=_colour(style.underline_color),
        )

    def _cluster_at(self, x: int) -> str:
        lib.ghostty_render_state_row_cells_select(self._cells, x)
        buffer = self._cluster
        buffer.ptr, buffer.cap, buffer.len = self._cluster_bytes, 256, 0
        kind = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_UTF8
        if lib.ghostty_render_state_row_cells_get(self._cells, kind, buffer) or not buffer.len:
            return "\ufffd"
        return bytes(ffi.buffer(self._cluster_bytes, buffer.len)).decode("utf-8", "replace")

    def _links(self, cells: list[int], y: int) -> dict[int, str]:
        """OSC 8 targets by column, as far as the row's allowance goes."""
        links: dict[int, str] = {}
        before, room = "", ROW_LINKS_LIMIT
        for x, cell in enumerate(cells):
            if not cell & self._layout.link:
                before = ""
                continue
            link = self._link_at(x, y)
            if link != before:
                room -= len(link)
            if link and room >= 0:
                links[x] = link
            before = link
        return links

    def _link_at(self, x: int, y: int) -> str:
        point = new("IroncurtainPoint")
        point.tag = lib.GHOSTTY_POINT_TAG_VIEWPORT
        point.value.x, point.value.y = x, y
        reference = new_sized("GhosttyGridRef")
        if grid_ref(self._terminal, point[0], reference):
            return ""
        if lib.ghostty_grid_ref_hyperlink_uri(reference, self._link_bytes, LINK_LIMIT, self._size):
            return ""
        return bytes(ffi.buffer(self._link_bytes, self._size[0])).decode("utf-8", "replace")


def _colour(colour: Any) -> int | None:
    if colour.tag == 0:
        return None
    if colour.tag == 1:
        return int(colour.value.palette)
    rgb = colour.value.rgb
    return int(RGB | rgb.r << 16 | rgb.g << 8 | rgb.b)


def _prove() -> None:
    """Run known bytes through a small terminal; LayoutError when they do not come back as they must."""
    core = GhosttyCore(12, 2, proved=True)
    try:
        core.feed("A\x1b[1;4;38;5;200mB\x1b[0;48;2;1;2;3m漢\x1b[K\x1b[0m\x1b[5n".encode())
        row = dict(core.changed_rows())[0]
        expected = (
            Run("A"),
            Run("B", CellStyle(fg=200, flags=1, underline=1)),
            Run("漢", CellStyle(bg=RGB | 0x010203)),
        )
        cursor = core.cursor()
        if row[:3] != expected or sum(len(run.text) for run in row) != 11 or (cursor.x, cursor.y) != (4, 0):
            raise LayoutError(f"libghostty-vt does not draw as expected: {row!r}")
        if core.take_replies() != b"\x1b[0n":
            raise LayoutError("libghostty-vt does not answer as expected")
    finally:
        core.close()
