"""A side panel that holds a list of records and a filter for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from textual.app import ComposeResult
from textual.widgets import Input

from ironcurtain_tui.ui.figures import count
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.filter_line import FilterLine
from ironcurtain_tui.ui.widgets.line import Piece
from ironcurtain_tui.ui.widgets.record_list import RecordList
from ironcurtain_tui.ui.widgets.side_panel import SidePanel


class RecordPanel[R](SidePanel):
    """Title, list, and under it the filter line while there is a filter."""

    def __init__(
        self,
        panel: Panel,
        name: str,
        key: str,
        zoom: Command,
        records: RecordList[R],
        is_reserved: Callable[[str], bool],
    ) -> None:
        super().__init__(panel, name, key, zoom)
        self.records = records
        self._is_reserved = is_reserved
        self._filter: FilterLine | None = None
        self._all: Sequence[R] = ()
        self._notes: tuple[Piece, ...] = ()

    def compose(self) -> ComposeResult:
        yield self.title_line
        yield self.records

    @property
    def target(self) -> RecordList[R]:
        return self.records

    def show(self, records: Iterable[R], notes: Sequence[Piece] = ()) -> None:
        """Replace what the panel lists; ``notes`` stand in its title."""
        before = {self.records.key(record) for record in self._all}
        self._all = tuple(records)
        self._notes = tuple(notes)
        came = sum(self.records.key(record) not in before for record in self._all) if not self.records.following else 0
        self._list(came)

    def open_filter(self) -> None:
        """Show the filter line and give it the focus."""
        if self._filter is None:
            self._filter = FilterLine(self._is_reserved)
            self.mount(self._filter)
        self._filter.display = True
        self._filter.focus()

    def keep_filter(self) -> None:
        """Go back to the list, with the filter in force unless it is empty."""
        if self._filter is not None:
            self._filter.display = bool(self._filter.value)
        self.records.focus()

    def clear_filter(self) -> None:
        """Show all records again and go back to the list."""
        if self._filter is not None:
            self._filter.value = ""
        self.keep_filter()

    @property
    def _wanted(self) -> str:
        """What the person wrote into the filter line."""
        return self._filter.value if self._filter is not None else ""

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._list()

    def on_record_list_moved(self, message: RecordList.Moved) -> None:
        message.stop()
        self._describe()

    def _list(self, came: int = 0) -> None:
        wanted = self._wanted.casefold()
        self.records.filtered = bool(wanted)
        self.records.show(
            [record for record in self._all if wanted in self._text(record)] if wanted else self._all, came
        )
        self._describe()

    def _text(self, record: R) -> str:
        return " ".join(cell.text for cell in self.records.cells(record)).casefold()

    def _describe(self) -> None:
        notes = list(self._notes)
        if self._wanted:
            notes.insert(0, Piece(f" filter: {clip(neutralise(self._wanted), 12)} ", Tone.ACCENT, Command.FILTER))
        if self.records.FOLLOWS and not self.records.following:
            newer = f" ↓ {count(self.records.unseen)} newer " if self.records.unseen else " reading "
            notes.insert(0, Piece(newer, Tone.ACCENT, Command.LAST, "Go to the newest and follow"))
        self.title_line.describe(notes)
