"""Our commands in Textual's command palette: the key map's own table, searchable."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from ironcurtain_tui.ui.keymap import ALWAYS, PREFIX, TABS, Command, Keymap, display
from ironcurtain_tui.ui.screens.keyed import KeyedScreen
from ironcurtain_tui.ui.tabs import Tabbed

ELSEWHERE = {Command.LEAVE_PREFIX, Command.PALETTE}
"""Commands that make no sense in a palette."""


class SessionCommands(Provider):
    """Everything that has a key."""

    async def discover(self) -> Hits:
        """All commands, in the order of the table."""
        for label, keys, command in self._commands():
            yield DiscoveryHit(label, partial(self._obey, command), help=keys)

    async def search(self, query: str) -> Hits:
        """Commands whose name is like ``query``."""
        matcher = self.matcher(query)
        for label, keys, command in self._commands():
            if (score := matcher.match(label)) > 0:
                yield Hit(score, matcher.highlight(label), partial(self._obey, command), help=keys)

    def _obey(self, command: Command) -> None:
        if isinstance(self.screen, KeyedScreen):
            self.screen.obey(command)

    def _commands(self) -> list[tuple[str, str, Command]]:
        if not isinstance(self.screen, KeyedScreen):
            return []
        labels = self.app.tab_labels() if isinstance(self.app, Tabbed) else ()
        prefix = display(self.screen.keymap.prefix)
        tabs = [
            (f"To tab {number}: {tab.name}", f"{prefix} {number}", command)
            for number, (tab, command) in enumerate(zip(labels, TABS, strict=False), 1)
        ]
        return [*_table(self.screen.keymap), *(tabs if len(labels) > 1 else ())]


def _table(keymap: Keymap) -> list[tuple[str, str, Command]]:
    found: dict[Command, tuple[str, str, Command]] = {}
    prefix = display(keymap.prefix)
    for rows, before in ((ALWAYS, ""), (PREFIX, f"{prefix} ")):
        for row in rows:
            if row.command not in ELSEWHERE:
                found.setdefault(row.command, (row.label, f"{before}{display(row.keys[0])}", row.command))
    return list(found.values())
