"""What our apps share: styles, theme, and no traceback on the terminal."""

from __future__ import annotations

import logging

from textual.app import App, SystemCommand
from textual.screen import Screen

from ironcurtain_tui import paths
from ironcurtain_tui.ui.parsed_styles import ParsedStyles
from ironcurtain_tui.ui.themes import IRONCURTAIN, signal_colours

log = logging.getLogger(__name__)


class ThemedApp[T](App[T], inherit_bindings=False):
    """An app in our colours. ``theme``: another of Textual's, if it knows it."""

    TITLE = "IronCurtain"
    CSS_PATH = sorted(paths.resource("styles").glob("*.tcss"))
    ENABLE_COMMAND_PALETTE = False
    """Textual would bind ctrl+p, which is the agent's; the session's app opens it after the prefix."""

    def __init__(self, theme: str = "") -> None:
        super().__init__()
        self.register_theme(IRONCURTAIN)
        self.theme = theme if theme in self.available_themes else IRONCURTAIN.name
        self.stylesheet = ParsedStyles(self.get_css_variables())

    def get_css_variables(self) -> dict[str, str]:
        """The theme's, and those colours of it that are text made readable."""
        variables = super().get_css_variables()
        return {**variables, **signal_colours(variables)}

    def get_system_commands(self, screen: Screen[object]) -> list[SystemCommand]:  # noqa: ARG002 - Textual's
        """None: what Textual offers here is either in our tables or does not fit."""
        return []

    def clear_selection(self) -> None:
        """A line of input in the first screen asks for this while that screen is being made, when there is none yet."""
        if self.screen_stack:
            super().clear_selection()

    def _fatal_error(self) -> None:
        """Log the exception being handled and close: a traceback on the terminal could hold the agent's text."""
        log.critical("the screen failed", exc_info=True)
        self._close_messages_no_wait()
