"""Text with a cursor and a kill ring: what readline and the editors made after it do to a line, or to several."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

_LONGEST_WORD = 2_000
"""Characters; looking for the start of a longer one would take too long."""
_WORD = r"(?:[^\W_]+|[\U000f0000-\U000ffffd])"
_GAP = r"(?:(?![\U000f0000-\U000ffffd])[\W_])*"
"""Letters and digits, or the one sign that an editor lets stand for a paste."""


@dataclass(frozen=True)
class Words:
    """Where words begin and end, for the keys that go by words."""

    left: re.Pattern[str]
    """Matches the end of what lies before the cursor, from where the key goes to."""
    right: re.Pattern[str]
    """Matches the beginning of what lies after it, to where the key goes."""


ALNUM = Words(re.compile(rf"{_WORD}{_GAP}$"), re.compile(rf"{_GAP}{_WORD}"))
"""Letters and digits, as readline has it."""
BLANK = Words(re.compile(r"\S+\s*$|\s+$"), re.compile(r"\s*\S+|\s+"))
"""What lies between blanks."""

_JOINERS = {"\u200d", "\ufe0e", "\ufe0f"}
"""ZERO WIDTH JOINER and the variation selectors: part of the character before."""


class Line:
    """The text being written. Every method is one key's effect."""

    def __init__(
        self,
        width: int = 0,
        *,
        going: Words = ALNUM,
        cutting: Words = ALNUM,
        kept_kills: int = 10,
        chains: bool = True,
    ) -> None:
        """``width``: cells after which a line goes on in the next row; 0 for never.

        ``going`` and ``cutting`` are the words that are gone by and cut out. Of what is killed the last ``kept_kills``
        are kept; ``chains``: what follows each other becomes one.
        """
        self.width = width
        self._going = going
        self._cutting = cutting
        self._kept_kills = kept_kills
        self._chains = chains
        self.text = ""
        self.cursor = 0
        self._kills: list[str] = []
        self._killing = ""
        """``before`` or ``after`` the cursor, while kill follows kill."""
        self._yanked: tuple[int, int] | None = None
        """Where the last yank put what, while nothing else has happened since."""
        self._column: int | None = None
        """The column that a run of up and down keeps to."""

    @property
    def before(self) -> str:
        return self.text[: self.cursor]

    @property
    def after(self) -> str:
        return self.text[self.cursor :]

    @property
    def first_row(self) -> bool:
        """Whether the cursor is in the first row of the text."""
        return self._row()[0] == 0

    @property
    def last_row(self) -> bool:
        return self._row()[0] == len(self._rows()) - 1

    @property
    def longest(self) -> int:
        """Characters of its longest line."""
        return max(map(len, self.text.split("\n")))

    @property
    def ideographic(self) -> bool:
        """Whether it holds writing that puts no blanks between words."""
        return any(
            "\u2e80" <= character <= "\ud7ff" or "\U00020000" <= character < "\U000f0000" for character in self.text
        )

    # --- writing ---------------------------------------------------------------------------------------

    def insert(self, text: str) -> None:
        self._settle()
        self.text = self.before + text + self.after
        self.cursor += len(text)

    def clear(self) -> None:
        """Nothing is left but the kill ring."""
        self._settle()
        self.text, self.cursor = "", 0

    def replace_before(self, length: int, text: str) -> None:
        """Put ``text`` in the place of the last ``length`` characters before the cursor."""
        self._settle()
        self.text = self.text[: self.cursor - length] + text + self.after
        self.cursor += len(text) - length

    # --- moving ----------------------------------------------------------------------------------------

    def left(self) -> None:
        self._go(self._previous())

    def right(self) -> None:
        self._go(self._next())

    def line_start(self) -> None:
        self._go(self.text.rfind("\n", 0, self.cursor) + 1)

    def line_end(self) -> None:
        end = self.text.find("\n", self.cursor)
        self._go(len(self.text) if end < 0 else end)

    def row_start(self) -> None:
        """At the start of a row already: to the start of the one above."""
        index, start, _ = self._row()
        self._go(self._rows()[max(0, index - 1)][0] if start == self.cursor else start)

    def row_end(self) -> None:
        """At the end of a row already: to the end of the next."""
        index, _, end = self._row()
        rows = self._rows()
        end = rows[min(index + 1, len(rows) - 1)][1] if end == self.cursor else end
        self._go(end - self._goes_on(end))

    def start_of_text(self) -> None:
        self._go(0)

    def end_of_text(self) -> None:
        self._go(len(self.text))

    def word_left(self) -> None:
        self._go(self._word_start(self._going))

    def word_right(self) -> None:
        self._go(self._word_end(self._going))

    def up(self) -> None:
        """To the row above; does nothing in the first."""
        index, start, _ = self._row()
        if index:
            self._to_row(*self._rows()[index - 1], self.cursor - start)

    def down(self) -> None:
        """To the row below; does nothing in the last."""
        index, start, _ = self._row()
        rows = self._rows()
        if index + 1 < len(rows):
            self._to_row(*rows[index + 1], self.cursor - start)

    # --- deleting --------------------------------------------------------------------------------------

    def backspace(self) -> None:
        self._cut(self._previous(), self.cursor)

    def delete(self) -> None:
        self._cut(self.cursor, self._next())

    def kill_to_end(self) -> None:
        """To the end of the row; at the end of a line, the line's end itself."""
        end = self._row()[2]
        self._kill(self.cursor, end + (end == self.cursor and end < len(self.text)))

    def kill_to_start(self) -> None:
        """To the start of the row; at the start of a line, the end of the line before."""
        start = self._row()[1]
        self._kill(start - (start == self.cursor and start > 0), self.cursor)

    def kill_word_left(self) -> None:
        """A word of letters and digits."""
        self._kill(self._word_start(self._cutting), self.cursor)

    def kill_word_right(self) -> None:
        self._kill(self.cursor, self._word_end(self._cutting))

    def kill_blank_word_left(self) -> None:
        """What lies between blanks."""
        self._kill(self._word_start(BLANK), self.cursor)

    def yank(self) -> None:
        """Put back what was killed last."""
        text = self._kills[-1] if self._kills else ""
        start = self.cursor
        self.insert(text)
        self._yanked = (start, self.cursor)

    def yank_pop(self) -> None:
        """Right after a yank: take what was killed before that instead."""
        if self._yanked is None or not self._kills:
            return
        start, end = self._yanked
        self._kills.insert(0, self._kills.pop())
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start
        self.yank()

    # --- changing --------------------------------------------------------------------------------------

    def transpose(self) -> None:
        """Exchange the characters around the cursor; at the end, the last two."""
        self._settle()
        if self.cursor == 0 or len(self.text) < 2:
            return
        at = min(self.cursor, len(self.text) - 1)
        self.text = self.text[: at - 1] + self.text[at] + self.text[at - 1] + self.text[at + 1 :]
        self.cursor = at + 1

    def recase(self, change: Callable[[str], str]) -> None:
        """Change the letters of the word to the right, and go behind it."""
        self._settle()
        end = self._word_end(self._going)
        skipped = re.match(r"[\W_]*", self.text[self.cursor : end])
        start = self.cursor + (skipped.end() if skipped else 0)
        self.text = self.text[:start] + change(self.text[start:end]) + self.text[end:]
        self.cursor = end

    # --- inside ----------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Whatever belonged to a run of the same key is over."""
        self._killing, self._yanked, self._column = "", None, None

    def _go(self, cursor: int) -> None:
        self._settle()
        self.cursor = cursor

    def _rows(self) -> list[tuple[int, int]]:
        """Start and end of every row."""
        rows: list[tuple[int, int]] = []
        at = 0
        for line in self.text.split("\n"):
            breaks = [*_wrapped(line, self.width), len(line)]
            rows += [(at + start, at + end) for start, end in pairwise(breaks)]
            at += len(line) + 1
        return rows

    def _row(self) -> tuple[int, int, int]:
        """Number, start and end of the row with the cursor; where one ends and the next starts, the next."""
        rows = self._rows()
        index = max(index for index, (start, _) in enumerate(rows) if start <= self.cursor)
        return index, *rows[index]

    def _to_row(self, start: int, end: int, column: int) -> None:
        kept = column if self._column is None else self._column
        self._settle()
        self._column = kept
        self.cursor = min(start + kept, end - self._goes_on(end))

    def _goes_on(self, end: int) -> bool:
        """Whether a row that ends there is not the last of its line: its end is the start of the next row."""
        return end < len(self.text) and self.text[end] != "\n"

    def _cut(self, start: int, end: int) -> None:
        self._settle()
        self.text = self.text[:start] + self.text[end:]
        self.cursor = start

    def _kill(self, start: int, end: int) -> None:
        side = "before" if end == self.cursor else "after"
        killed, chained = self.text[start:end], self._killing
        self._cut(start, end)
        if not killed:
            return
        if chained and self._kills and self._chains:
            self._kills[-1] = killed + self._kills[-1] if side == "before" else self._kills[-1] + killed
        else:
            self._kills = [*self._kills, killed][-self._kept_kills :]
        self._killing = side

    def _previous(self) -> int:
        at = max(0, self.cursor - 1)
        while at > 0 and (_joins(self.text[at]) or self.text[at - 1] == "\u200d"):
            at -= 1
        return at

    def _next(self) -> int:
        at = min(len(self.text), self.cursor + 1)
        while at < len(self.text) and (_joins(self.text[at]) or self.text[at - 1] == "\u200d"):
            at += 1
        return at

    def _word_start(self, words: Words) -> int:
        far = max(0, self.cursor - _LONGEST_WORD)
        match = words.left.search(self.text[far : self.cursor])
        return far + match.start() if match else 0

    def _word_end(self, words: Words) -> int:
        match = words.right.match(self.after)
        return self.cursor + match.end() if match else len(self.text)


def _joins(character: str) -> bool:
    """Whether it is part of the character before it."""
    return character in _JOINERS or unicodedata.combining(character) > 0 or "\U0001f3fb" <= character <= "\U0001f3ff"


def _wrapped(line: str, width: int) -> list[int]:
    """Where the rows of a line start: words are kept whole, and the blanks after one stay with it."""
    starts, used = [0], 0
    if not width or len(line) <= width:
        return starts
    for part in re.finditer(r"\S+|\s+", line):
        start, length = part.start(), len(part[0])
        if part[0].isspace():
            used += length
            continue
        if used and used + length > width:
            starts.append(start)
            used = 0
        while length > width:
            start, length = start + width, length - width
            starts.append(start)
        used += length
    return starts
