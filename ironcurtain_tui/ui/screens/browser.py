"""What the full-screen browsers share: a filter line, a list, the details beside it, and their keys."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from ironcurtain_tui.ui.neutralise import clip, neutralise
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.screens.browser_help import BrowserHelp
from ironcurtain_tui.ui.screens.keyed import PrefixedScreen
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece
from ironcurtain_tui.ui.widgets.query_line import QueryLine
from ironcurtain_tui.ui.widgets.record_list import RecordList

BESIDE_FROM = 110
"""Columns from which the details have room beside the list; below they take its place."""
Keys = tuple[tuple[str, str, str], ...]
"""Keys as they are shown, what the help says of them, and a short form for the bottom line (or nothing)."""
STAYS = ("F1", "Esc")
"""The keys that the bottom line of the narrowest screen has, too."""


class Browser(PrefixedScreen):
    """``waiting`` tells how many actions wait for the person, who would not see it from here."""

    CSS_PATH = screen_styles("browser")
    AUTO_FOCUS = "RecordList"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", show=False),
        Binding("q", "leave", show=False),
        Binding("slash", "filter", show=False),
        Binding("d,space", "details", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown,ctrl+d", "page(1)", show=False),
        Binding("pageup,ctrl+u", "page(-1)", show=False),
        Binding("g,home", "first", show=False),
        Binding("G,end", "last", show=False),
        Binding("J,shift+down", "scroll_details(1)", show=False),
        Binding("K,shift+up", "scroll_details(-1)", show=False),
        Binding("f1,question_mark", "help", show=False),
    ]
    NAME = ""
    KEYS: ClassVar[Keys] = ()
    SHARED_KEYS: ClassVar[Keys] = (
        ("/", "Filter; Enter or ↓ goes on to the list", "filter"),
        ("d", "Details beside the list, or in its place where it is narrow", "details"),
        ("j k ↑ ↓ PgUp PgDn", "Move", ""),
        ("g", "Oldest", ""),
        ("G", "Newest, and follow new ones", "newest"),
        ("J K", "Scroll the details", ""),
        ("F1", "Help: keys and the language of the filter", "help"),
        ("Esc", "Clear the filter, close the details, leave", "back"),
    )
    SYNTAX: ClassVar[Sequence[tuple[str, str]]] = ()

    def __init__(
        self,
        records: RecordList[Any],
        example: str,
        value: str = "",
        waiting: Callable[[], int] = lambda: 0,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self._now = now
        self._records = records
        self._waiting = waiting
        self._title = Line(id="title")
        self._query = QueryLine(example, value)
        self._wrong = ""
        self._details = Static(id="record")
        self._pane = VerticalScroll(self._details, id="details", can_focus=False)
        self._details_wanted = False
        self._hints = Line(id="hints")

    # --- what a browser is made of -----------------------------------------------------------------

    @abstractmethod
    def figures(self) -> Sequence[Piece]:
        """What the title says of all that is listed."""

    @abstractmethod
    def describe(self) -> RenderableType:
        """The details of the selected record."""

    @abstractmethod
    def search(self, text: str) -> None:
        """The filter is another now."""

    def above(self) -> Sequence[Widget]:
        """Widgets between the filter and the list."""
        return ()

    # --- building -----------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self._title
        yield self._query
        yield from self.above()
        with Horizontal(id="browser"):
            yield self._records
            yield self._pane
        yield self._hints
        yield self.menu

    def on_mount(self) -> None:
        self._arrange()
        self._show_hints()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        beside = self.size.width >= BESIDE_FROM
        self._pane.display = beside != self._details_wanted  # where there is room the key puts them away
        self._pane.set_class(beside, "-beside")
        self._records.display = beside or not self._pane.display

    def _show_hints(self) -> None:
        shown = [*self.KEYS, *self.SHARED_KEYS]
        pieces = [
            Piece(f"{key} {hint}", Tone.PLAIN, tooltip=label, rank=0 if key in STAYS else rank)
            for rank, (key, label, hint) in enumerate(shown, 1)
            if hint
        ]
        self._hints.show([Piece(""), *pieces])

    def show_title(self) -> None:
        """Say anew what the title says."""
        pieces = [Piece(f" {self.NAME} ", Tone.STRONG), *self.figures()]
        if not self._records.following:
            unseen = f" ↓ {self._records.unseen:,} newer (G) " if self._records.unseen else " reading "
            pieces.append(Piece(unseen, Tone.ACCENT))
        right = [Piece(f" ✗ {clip(neutralise(self._wrong), 90)} ", Tone.BAD, rank=1)] if self._wrong else []
        if waiting := self._waiting():
            right.append(Piece(f" ◆ {waiting} wait for you (Esc) ", Tone.ALERT))
        self._title.show(pieces, right)

    def show_details(self) -> None:
        """Draw the details anew."""
        if self._pane.display:
            self._details.update(self.describe())

    # --- events -------------------------------------------------------------------------------------

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        self.search(message.value)

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        message.stop()
        self._records.focus()

    def say_wrong(self, wrong: str) -> None:
        """What is wrong with the filter; empty: nothing."""
        self._wrong = wrong
        self._query.say(wrong)
        self.show_title()

    @on(RecordList.Moved)
    def _moved(self, message: RecordList.Moved) -> None:
        message.stop()
        self._pane.scroll_to(y=0, animate=False)
        self.show_title()
        self.show_details()

    # --- keys ---------------------------------------------------------------------------------------

    def action_back(self) -> None:
        """Out of the filter, the details, the screen: one step."""
        if self._query.has_focus:
            if self._query.value:
                self._query.value = ""
            else:
                self._records.focus()
        elif self._details_wanted and self.size.width < BESIDE_FROM:
            self.action_details()
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Back to where we came from."""
        self.dismiss(None)

    def action_filter(self) -> None:
        """To the filter line."""
        self._query.focus()

    def action_details(self) -> None:
        """Details away, and back."""
        self._details_wanted = not self._details_wanted
        self._arrange()
        self.show_details()

    def action_move(self, rows: int) -> None:
        """Move the selection; out of the filter line first."""
        if self._query.has_focus:
            self._records.focus()
        else:
            self._records.move(rows)

    def action_page(self, pages: int) -> None:
        """Move the selection by pages."""
        self._records.page(pages)

    def action_first(self) -> None:
        """To the oldest."""
        self._records.first()

    def action_last(self) -> None:
        """To the newest, and follow."""
        self._records.last()

    def action_scroll_details(self, rows: int) -> None:
        """Move the details."""
        self._pane.scroll_relative(y=rows * 4, animate=False)

    def action_help(self) -> None:
        """All keys and the language of the filter."""
        keys = [(key, label) for key, label, _ in (*self.KEYS, *self.SHARED_KEYS)]
        self.app.push_screen(BrowserHelp(self.NAME, (("Keys", keys), ("Filter: all words must hold", self.SYNTAX))))
