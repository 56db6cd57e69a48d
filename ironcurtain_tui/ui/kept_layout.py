"""The layout that comes back at the next start: ``layout.json`` in the state directory. Losing it harms nobody."""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.private_files import read_private, write_private
from ironcurtain_tui.ui.layout import Arrangement

log = logging.getLogger(__name__)

LARGEST = 10_000
"""Of a width or a weight: more is no layout of ours."""


class KeptLayout(msgspec.Struct, frozen=True, kw_only=True):
    """How the app looked when it was last used."""

    arrangement: Arrangement = Arrangement()
    theme: str = ""
    tabs: tuple[str, ...] = ()
    """Sessions that were open, from left to right."""
    front: int = 0
    """Which of the tabs was in front, from 0."""

    def __post_init__(self) -> None:
        widths = (*self.arrangement.weights, self.arrangement.side_width or 1)
        if not all(1 <= width <= LARGEST for width in widths):
            raise ValueError("a width or weight is out of range")


class LayoutFile:
    """Reads and writes one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> KeptLayout:
        """What is kept; the usual layout when nothing is, or nothing that can be read."""
        try:
            content = read_private(self._path, secret=False)
            return KeptLayout() if content is None else msgspec.json.decode(content, type=KeptLayout)
        except (UserFacingError, msgspec.MsgspecError, ValueError) as error:
            log.info("the layout is not taken from %s: %s", self._path, error)
            return KeptLayout()

    def save(self, layout: KeptLayout) -> None:
        """Keep ``layout``; a failure is only logged."""
        try:
            write_private(self._path, msgspec.json.encode(layout))
        except UserFacingError as error:
            log.warning("the layout is not kept: %s", error)
