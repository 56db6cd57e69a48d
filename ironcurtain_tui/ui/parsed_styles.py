"""Styles, parsed as late and as seldom as can be."""

from __future__ import annotations

from pathlib import PurePath

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

from ironcurtain_tui import paths

SOURCES = 1024
"""Files and classes with styles of their own; there are far fewer."""


def screen_styles(*names: str) -> list[str | PurePath]:
    """For the ``CSS_PATH`` of a screen that is opened later, or never: those of styles/screens with these names."""
    return [paths.resource("styles") / "screens" / f"{name}.tcss" for name in names]


class ParsedStyles(Stylesheet):
    """Textual's parses all it has anew when the first screen of a mode is made, and with every theme that is set."""

    def __init__(self, variables: dict[str, str]) -> None:
        super().__init__(variables=variables)
        self._parse_cache = LRUCache(SOURCES)

    def set_variables(self, variables: dict[str, str]) -> None:
        if variables != self._variables:
            super().set_variables(variables)  # forgets what was parsed

    def reparse(self) -> None:
        self.parse()
