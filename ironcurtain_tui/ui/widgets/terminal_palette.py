"""How the agent's cell styles look in the theme of the app."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style
from rich.terminal_theme import TerminalTheme

from ironcurtain_tui.control.messages import CellStyle

INVISIBLE = 32
"""The flag of CellStyle whose cells draw as blanks."""
_RGB = 0x1000000
_CACHE_LIMIT = 16_384


class Palette:
    """Turns ``CellStyle`` into Rich styles over the terminal's own colours. Links are never passed on."""

    def __init__(self, base: Style, theme: TerminalTheme | None) -> None:
        """``theme`` gives the 16 ANSI colours; None leaves them to the outer terminal."""
        self.base = base
        self._theme = theme
        self._styles: dict[CellStyle, Style] = {}

    def style(self, cell: CellStyle) -> Style:
        """The look of ``cell``."""
        style = self._styles.get(cell)
        if style is None:
            if len(self._styles) >= _CACHE_LIMIT:
                self._styles.clear()
            style = self._styles[cell] = self.base + self._own(cell)
        return style

    def _own(self, cell: CellStyle) -> Style:
        flags = cell.flags
        return Style(
            color=self._colour(cell.fg),
            bgcolor=self._colour(cell.bg),
            bold=bool(flags & 1) or None,
            italic=bool(flags & 2) or None,
            dim=bool(flags & 4) or None,
            blink=bool(flags & 8) or None,
            reverse=bool(flags & 16) or None,
            strike=bool(flags & 64) or None,
            overline=bool(flags & 128) or None,
            underline=cell.underline in (1, 3, 4, 5) or bool(cell.link) or None,
            underline2=cell.underline == 2 or None,
        )

    def _colour(self, value: int | None) -> Color | None:
        if value is None:
            return None
        if value >= _RGB:
            return Color.from_rgb(value >> 16 & 0xFF, value >> 8 & 0xFF, value & 0xFF)
        index = max(0, min(value, 255))
        if index < 16 and self._theme is not None:
            return Color.from_triplet(self._theme.ansi_colors[index])
        return Color.from_ansi(index)
