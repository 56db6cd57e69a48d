"""A page of card lines that knows which of them have been on the screen."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ironcurtain_tui.ui.card import CardLine
from ironcurtain_tui.ui.reading import Reading
from ironcurtain_tui.ui.tone import TONES, Tone, toned

MARGIN = 1
"""Empty cells left and right of the text."""


class CardView(ScrollView, can_focus=True, inherit_bindings=False):
    """Scrolls a page. A page that changes, or is laid out anew, counts as unread."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*TONES}

    class Progressed(Message):
        """More of the page has been on the screen."""

    class LaidOut(Message):
        """The page has another width or height."""

    def __init__(self) -> None:
        super().__init__()
        self.page: Hashable = None
        """What is shown, as it was given to ``show``."""
        self._draw: Callable[[int], list[CardLine]] = lambda _width: []
        self._lines: list[CardLine] = []
        self._laid_out = Size(0, 0)
        self.reading = Reading(0)
        self.covered = False
        """Whether something is laid over it: what is not seen is not read."""

    def show(self, page: Hashable, draw: Callable[[int], list[CardLine]]) -> None:
        """Show ``page``, drawn by ``draw`` for a width in cells. The same page again changes nothing."""
        if page != self.page:
            self.page, self._draw = page, draw
            self._lay_out()

    def covers(self, page: Hashable) -> bool:
        """Whether ``page`` is shown, and all of it has been on the screen."""
        return page == self.page and bool(self._lines) and self.size.height > 0 and self.reading.complete

    def scroll_lines(self, lines: int) -> None:
        """Move the text up by ``lines`` (down when negative)."""
        self._go_to(round(self.scroll_y) + lines)

    def scroll_pages(self, pages: int) -> None:
        """Move the text by whole pages, of which one line stays."""
        self.scroll_lines(pages * max(1, self.size.height - 1))

    def read_on(self) -> None:
        """Go to the first line that was not on the screen yet."""
        if not self.reading.complete:
            self._go_to(self.reading.next)

    def scroll_to_start(self) -> None:
        self._go_to(0)

    def scroll_to_end(self) -> None:
        self._go_to(len(self._lines))

    def look(self) -> None:
        """Note what is on the screen once it is painted."""
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        if not self.is_attached or self.screen is not self.app.screen or self.covered or self._laid_out != self.size:
            return
        before = self.reading.shown
        self.reading.see(round(self.scroll_y), self.size.height)
        if self.reading.shown != before:
            self.post_message(self.Progressed())

    def _lay_out(self) -> None:
        self._laid_out = self.size
        width = self.scrollable_content_region.width - 2 * MARGIN
        self._lines = self._draw(width) if width > 0 else []
        self.reading = Reading(len(self._lines))
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._lines))
        self._go_to(0)
        self.refresh()
        self.look()

    def _go_to(self, line: int) -> None:
        self.scroll_to(y=line, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.look()  # the wheel and the scroll bar

    def on_resize(self) -> None:
        if self.size != self._laid_out:
            self._lay_out()
            self.post_message(self.LaidOut())

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        row = round(self.scroll_y) + y
        segments = [Segment(" " * MARGIN, base)]
        if row < len(self._lines):
            segments += [
                Segment(text, base if tone is Tone.PLAIN else toned(self, tone, base))
                for text, tone in self._lines[row].pieces
            ]
        return Strip(segments).adjust_cell_length(width, base)
