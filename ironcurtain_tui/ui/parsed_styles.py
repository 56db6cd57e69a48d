"""A stylesheet that parses each source once."""

from __future__ import annotations

from textual.cache import LRUCache
from textual.css.stylesheet import Stylesheet

SOURCES = 1024
"""Files and classes with styles of their own; there are far fewer."""


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
