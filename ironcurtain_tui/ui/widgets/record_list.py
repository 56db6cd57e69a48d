"""A long list that grows at the bottom and never moves under the reader's eyes."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.neutralise import crop
from ironcurtain_tui.ui.tone import TONES, Tone, toned

HEADS_FROM = 8
"""Lines a list must have before it spends one on the names of its columns."""

NOTHING_FITS = "Nothing here contains what the filter says. / changes it, Esc in its line clears it."


class Cell(NamedTuple):
    """What one record says in one column. ``text`` must be safe to draw."""

    text: str
    tone: Tone = Tone.PLAIN
    cut: Callable[[int], str] | None = None
    """How to say it in fewer cells; None: the start of ``text``."""


@dataclass(frozen=True)
class Column:
    """A column of a list. Exactly one of a list's columns has width 0: it takes what the others leave."""

    name: str
    width: int
    right: bool = False
    rank: int = 0
    """When there is no room, the column with the highest rank goes first; 0 stays."""


def fit_columns(columns: Sequence[Column], width: int, flexible: int) -> list[tuple[int, int]]:
    """Which columns have room on ``width`` cells, as (index, cells), leaving ``flexible`` for the one without width."""
    kept = list(range(len(columns)))

    def rest() -> int:
        return width - sum(columns[index].width for index in kept) - (len(kept) - 1)

    while rest() < flexible and (droppable := [index for index in kept if columns[index].rank]):
        kept.remove(max(droppable, key=lambda index: columns[index].rank))
    return [(index, columns[index].width or max(1, rest())) for index in kept]


class RecordList[R](ScrollView, can_focus=True):
    """Records in rows, newest last. Follows the newest until the reader moves; then it stands still."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONES, "list--cursor", "list--heads"}
    COLUMNS: ClassVar[tuple[Column, ...]] = ()
    FLEXIBLE = 20
    FOLLOWS: ClassVar[bool] = True
    """False: stays where it is, whatever comes."""
    EMPTY = "Nothing yet."

    class Opened(Message):
        """The reader wants all of the selected record."""

        def __init__(self, records: RecordList[Any]) -> None:
            super().__init__()
            self.records = records

    class Moved(Message):
        """The selection, or whether the list follows, changed."""

        def __init__(self, records: RecordList[Any]) -> None:
            super().__init__()
            self.records = records

    def __init__(self) -> None:
        super().__init__()
        self._records: Sequence[R] = ()
        self._keys: list[Hashable] = []
        self._cursor = 0
        self.following = self.FOLLOWS
        self.unseen = 0
        """Records that came since the list stopped following."""
        self.filtered = False
        """Whether only some of the records are shown."""

    @abstractmethod
    def key(self, record: R) -> Hashable:
        """What a record is recognised by when it comes again."""

    @abstractmethod
    def cells(self, record: R) -> Sequence[Cell]:
        """One cell for every column."""

    # --- content ---------------------------------------------------------------------------------

    @property
    def selected(self) -> R | None:
        """The record under the cursor."""
        return self._records[self._cursor] if self._records else None

    def show(self, records: Sequence[R], came: int = 0) -> None:
        """Replace the records; ``came`` of them are new. The reader keeps record and line."""
        keys = [self.key(record) for record in records]
        if self.following:
            self._take(records, keys)
            self._go(len(records) - 1)
            return
        at = {key: index for index, key in enumerate(keys)}
        first = self._first_row()
        fresh = not self._keys and not self.FOLLOWS
        cursor = 0 if fresh else _survivor(self._keys, self._cursor, at)
        top = 0 if fresh else _survivor(self._keys, first, at)
        self.unseen += came
        self._take(records, keys)
        self._cursor = cursor
        self._scroll_to_row(top)
        self.refresh()

    def _take(self, records: Sequence[R], keys: list[Hashable]) -> None:
        self._records, self._keys = records, keys
        self.virtual_size = Size(self.scrollable_content_region.width, len(records) + self._heads)

    # --- moving ----------------------------------------------------------------------------------

    def move(self, rows: int) -> None:
        """Move the cursor down (negative: up), as far as there are records."""
        self._select(self._cursor + rows)

    def obey(self, command: Command) -> bool:
        """Move as ``command`` says; False when it is about something else."""
        match command:
            case Command.UP:
                self.move(-1)
            case Command.DOWN:
                self.move(1)
            case Command.PAGE_UP:
                self.page(-1)
            case Command.PAGE_DOWN:
                self.page(1)
            case Command.FIRST:
                self.first()
            case Command.LAST:
                self.last()
            case _:
                return False
        return True

    def page(self, pages: int) -> None:
        """Move the cursor by whole pages."""
        self._select(self._cursor + pages * max(1, self._page_rows - 1))

    def first(self) -> None:
        """Go to the oldest record."""
        self._select(0)

    def last(self) -> None:
        """Go to the newest record and follow."""
        self._select(len(self._records) - 1)

    def select_key(self, key: Hashable) -> None:
        """Put the cursor on the record that ``key`` stands for, if it is there."""
        if key in self._keys:
            self._go(self._keys.index(key))

    def _select(self, row: int) -> None:
        row = max(0, min(row, len(self._records) - 1))
        self._follow(row >= len(self._records) - 1)
        self._go(row)

    def _follow(self, following: bool) -> None:
        self.following = following and self.FOLLOWS
        if self.following:
            self.unseen = 0
        self.post_message(self.Moved(self))

    def _go(self, row: int) -> None:
        self._cursor = max(0, row)
        first = self._first_row()
        if self._cursor < first:
            self._scroll_to_row(self._cursor)
        elif self._cursor >= first + self._page_rows:
            self._scroll_to_row(self._cursor - self._page_rows + 1)
        self.refresh()

    @property
    def _heads(self) -> int:
        return 1 if self.size.height >= HEADS_FROM else 0

    @property
    def _page_rows(self) -> int:
        return max(1, self.size.height - self._heads)

    def _first_row(self) -> int:
        return round(self.scroll_y)

    def _scroll_to_row(self, row: int) -> None:
        self.scroll_to(y=row, animate=False, immediate=True, force=True)

    # --- mouse and size ---------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._take(self._records, self._keys)
        if self.following:
            self._go(len(self._records) - 1)

    def on_mouse_scroll_up(self) -> None:
        if self.max_scroll_y:
            self._follow(False)

    def on_mouse_scroll_down(self) -> None:
        if self.max_scroll_y and self._first_row() >= self.max_scroll_y - 1:
            self.last()

    def on_click(self, event: events.Click) -> None:
        row = self._first_row() + event.y - self._heads
        if event.y < self._heads or row >= len(self._records):
            return
        again = row == self._cursor and event.chain > 1
        self._select(row)
        if again:
            self.open()

    def open(self) -> None:
        """Ask for the details of the selected record."""
        if self._records:
            self.post_message(self.Opened(self))

    # --- drawing ---------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.rich_style
        if not self._records:
            quiet = toned(self, Tone.QUIET, base)
            lines = _wrap(NOTHING_FITS if self.filtered else self.EMPTY, width - 2)
            text = f" {lines[y - 1]}" if 1 <= y <= len(lines) else ""
            return Strip([Segment(text, quiet)]).adjust_cell_length(width, base)
        columns = fit_columns(self.COLUMNS, width - 2, self.FLEXIBLE)
        if y == 0 and self._heads:
            heads = [Cell(column.name) for column in self.COLUMNS]
            return self._strip(columns, heads, width, toned(self, "list--heads", base))
        row = self._first_row() + y - self._heads
        if row >= len(self._records):
            return Strip.blank(width, base)
        if row == self._cursor and self.shows_cursor():
            base += self.get_component_rich_style("list--cursor")
        return self._strip(columns, self.cells(self._records[row]), width, base)

    def shows_cursor(self) -> bool:
        """Whether the selected line is marked."""
        return self.has_focus or (self.FOLLOWS and not self.following)

    def _strip(self, columns: Sequence[tuple[int, int]], cells: Sequence[Cell], width: int, base: Style) -> Strip:
        segments = [Segment(" ", base)]
        for index, cells_wide in columns:
            cell = cells[index]
            text = (
                cell.text if cell_len(cell.text) <= cells_wide else (cell.cut or partial(crop, cell.text))(cells_wide)
            )
            pad = " " * (cells_wide - cell_len(text))
            aligned = pad + text if self.COLUMNS[index].right else text + pad
            style = base if cell.tone is Tone.PLAIN else toned(self, cell.tone, base)
            segments.append(Segment(aligned, style))
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(width, base)


def _survivor(old: Sequence[Hashable], row: int, at: dict[Hashable, int]) -> int:
    """Where the record of the old ``row`` is now; of those that are gone, the next one that is not."""
    for key in old[row:]:
        if key in at:
            return at[key]
    return max(0, len(at) - 1)


def _wrap(text: str, width: int) -> list[str]:
    lines, line = [], ""
    for word in text.split():
        if line and cell_len(f"{line} {word}") > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line]
