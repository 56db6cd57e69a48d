"""A stretch of text marked with the mouse in the agent's terminal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Selection:
    """From ``anchor`` to ``head``, both included, as (row, column); rows count from the oldest of the history."""

    anchor: tuple[int, int]
    head: tuple[int, int]

    @property
    def rows(self) -> range:
        """The rows it touches."""
        first, last = sorted((self.anchor[0], self.head[0]))
        return range(first, last + 1)

    def columns(self, row: int, cols: int) -> range:
        """The columns it covers of ``row``, in a terminal of ``cols`` columns."""
        (first_row, first), (last_row, last) = sorted((self.anchor, self.head))
        if not first_row <= row <= last_row:
            return range(0)
        return range(first if row == first_row else 0, min(last + 1, cols) if row == last_row else cols)
