"""The agent's screen as the supervisor keeps it for its viewers. Pure: updates in, updates out.

Rows stay encoded: the supervisor looks into what the agent drew only to learn whether typing can be seen.
"""

from __future__ import annotations

import msgspec

from ironcurtain_tui.control.messages import Cursor, ScreenUpdate, TerminalModes, decode_row

_BLANK = msgspec.Raw(msgspec.msgpack.encode(()))


class Screen:
    """All rows, the cursor and the modes, each with the number of the update that last changed it."""

    def __init__(self, cols: int, lines: int) -> None:
        self.cols, self.lines = cols, lines
        self.cursor = Cursor()
        self.modes = TerminalModes()
        self.history = 0
        self.version = 0
        """Counts updates."""
        self.full_version = 0
        """The last update that made all earlier rows void."""
        self._rows: dict[int, msgspec.Raw] = {}
        self._row_versions: dict[int, int] = {}

    def text(self) -> str:
        """All rows from the top, without their looks."""
        return "\n".join("".join(run.text for run in decode_row(row)) for _, row in sorted(self._rows.items()))

    def apply(self, update: ScreenUpdate) -> None:
        """Take in an update. Rows outside the screen it describes are ignored."""
        self.version += 1
        if update.full or (update.cols, update.lines) != (self.cols, self.lines):
            self.cols, self.lines = update.cols, update.lines
            self._rows.clear()
            self._row_versions.clear()
            self.full_version = self.version
        self.cursor, self.modes, self.history = update.cursor, update.modes, update.history
        for y, row in update.rows.items():
            if 0 <= y < self.lines:
                self._rows[y] = row.copy()  # else it would keep the whole message alive
                self._row_versions[y] = self.version

    def since(self, version: int) -> ScreenUpdate:
        """The update that brings a viewer who saw ``version`` (-1: nothing yet) to the present."""
        full = version < self.full_version
        if full:
            rows = {y: self._rows.get(y, _BLANK) for y in range(self.lines)}
        else:
            rows = {y: self._rows[y] for y, changed in sorted(self._row_versions.items()) if changed > version}
        return ScreenUpdate(
            cols=self.cols,
            lines=self.lines,
            cursor=self.cursor,
            modes=self.modes,
            rows=rows,
            full=full,
            history=self.history,
        )


class ViewerDamage:
    """What one viewer has not seen yet. Costs one number, however far the viewer falls behind."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._seen = -1

    @property
    def pending(self) -> bool:
        """Whether ``take`` would return something."""
        return self._seen < self._screen.version

    def take(self) -> ScreenUpdate | None:
        """Everything that changed since the last call, as one update; None when nothing did."""
        if not self.pending:
            return None
        update = self._screen.since(self._seen)
        self._seen = self._screen.version
        return update
