"""What the full screens share: keys go through the one table, after the prefix its menu, hints at the bottom."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import ClassVar

from textual import events, on
from textual.screen import Screen

from ironcurtain_tui.control.messages import AlwaysPreview, DecisionRefused
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.ui.keymap import ABOUT_TABS, Command, Keymap, Place
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.widgets.footer import KeyHints
from ironcurtain_tui.ui.widgets.line import CommandChosen
from ironcurtain_tui.ui.widgets.prefix_menu import PrefixMenu


class KeyedScreen(Screen[None], inherit_bindings=False):
    """Turns keys, clicks and the palette into commands. Yield ``hints`` and ``menu`` last."""

    AUTO_FOCUS: ClassVar[str | None] = ""

    def __init__(self, keymap: Keymap) -> None:
        super().__init__()
        self.keymap = keymap
        self.hints = KeyHints(id="footer")
        self.menu = PrefixMenu()
        self._prefixed = False

    @property
    def place(self) -> Place:
        """Where the keys go now."""
        raise NotImplementedError

    def obey(self, command: Command) -> None:
        """Do what a key, the palette or a click asked for."""
        raise NotImplementedError

    def tabs_changed(self) -> None:
        """What the tab bar says is another now."""

    def stray(self) -> None:
        """A key that nobody wanted."""

    def pass_on(self, event: events.Key, key: str) -> None:
        """A key that was lent to the agent."""

    def remark(self) -> str:
        """What stands at the right end of the bottom line."""
        return ""

    def idle(self) -> Collection[Command]:
        """Commands of this place that would do nothing now: the bottom line does not offer them."""
        return ()

    def is_reserved(self, key: str) -> bool:
        """Whether ``key`` is for the screen rather than for what has the focus."""
        return self.keymap.reserved(self._prefixed, self.place, key)

    def take_key(self, event: events.Key) -> bool:
        """Act on a key that is ours; False when it is for what has the focus.

        Called before anything else sees the key: a command may change where the very next one goes.
        """
        if not self.is_reserved(event.key):
            return False
        was_prefixed = self._prefixed
        pressed = self.keymap.press(was_prefixed, self.place, event.key)
        if pressed.prefixed != was_prefixed:
            self._prefixed = pressed.prefixed
            self.show_keys()
        if pressed.send is not None:
            self.pass_on(event, pressed.send)
        if pressed.command is not None:
            self.obey(pressed.command)
        return True

    def on_key(self) -> None:
        self.stray()

    def on_descendant_focus(self) -> None:
        self.show_keys()

    @on(CommandChosen)
    def _command_chosen(self, message: CommandChosen) -> None:
        self.obey(message.command)

    def show_keys(self) -> None:
        """Say which keys matter now."""
        self.hints.update(self.keymap, self.place, self._prefixed, self.remark(), self.idle())
        self.menu.display = self._prefixed


ANYWHERE = {
    Command.HELP,
    Command.NOTICES,
    Command.PALETTE,
    Command.THEME,
    Command.PAUSE,
    Command.REOPEN,
    Command.CUT,
    Command.STOP,
    Command.LEAVE_PREFIX,
    *ABOUT_TABS,
}
"""Commands of the session that can be obeyed without leaving the screen that covers it."""


class PrefixedScreen(Screen[None]):
    """A screen with keys of its own, on which the prefix and the key after it are the app's. Yield ``menu`` last."""

    def __init__(self) -> None:
        super().__init__()
        self.menu = PrefixMenu()
        self.prefixed = False

    def prefix(self, pending: bool) -> None:
        """Say what the next key can do, or no more."""
        self.prefixed = pending
        self.menu.display = pending


class CoveringScreen(KeyedScreen):
    """Covers the session's screen and leaves to it what is not its own: ``session_obeys``."""

    CSS_PATH = screen_styles("queue", "your_words")

    def __init__(self, keymap: Keymap, session: StateKeeper, session_obeys: Callable[[Command], None]) -> None:
        super().__init__(keymap)
        self._session = session
        self._session_obeys = session_obeys

    def update(self, session: StateKeeper) -> None:
        """Show how ``session`` stands; before the screen is there, once it is."""
        self._session = session
        if self.is_mounted:
            self.refresh_content()

    def tabs_changed(self) -> None:
        self.update(self._session)

    def refresh_content(self) -> None:
        """Show how the session stands."""
        raise NotImplementedError

    def looked_at_again(self) -> None:
        """The terminal around us got the focus back."""

    def refused(self, refusal: DecisionRefused) -> None:
        """An answer to a card had no effect."""

    def preview_came(self, preview: AlwaysPreview) -> None:
        """The rule that "always" would write."""

    def elsewhere(self, command: Command) -> None:
        """Let the session obey; what is about its panels uncovers it first."""
        if command not in ANYWHERE:
            self.dismiss()
        self._session_obeys(command)
