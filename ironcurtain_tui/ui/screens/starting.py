"""The start of a session, line by line, as the command line tells it; or why there was none."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Static

from ironcurtain_tui.ui import errand
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.parsed_styles import screen_styles
from ironcurtain_tui.ui.screens.dialog import Dialog

STARTED = re.compile(r"Session ([0-9a-f]{12}) runs\.")
"""What the command line says when all is well."""


class Starting(Dialog[str]):
    """Runs ``command``, which starts a session, and gives the session's id; None when there is none."""

    CSS_PATH = screen_styles("dialog", "sessions")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "nothing", show=False)]
    KEYS = ("Esc leaves: what is under way goes on by itself",)

    def __init__(self, title: str, command: Sequence[str]) -> None:
        super().__init__(title)
        self._command = command
        self._lines: deque[str] = deque(maxlen=errand.LINES_KEPT)
        self._text = Static(id="lines")

    def body(self) -> Iterable[Widget]:
        with VerticalScroll(id="content"):
            yield self._text

    def on_mount(self) -> None:
        self._say("The command line is loading …")
        self.run_worker(self._run(), name="start of a session")

    async def _run(self) -> None:
        self._lines.clear()
        try:
            code = await errand.run(self._command, self._say, (self.app.size.width, self.app.size.height))
        except OSError as error:
            self._say(f"It could not be started: {error}")
            return
        found = STARTED.search("\n".join(self._lines))
        if code == 0 and found is not None:
            self.dismiss(found[1])
        else:
            self._say("")
            self._say(f"No session was started (exit code {code}). Esc leaves.")

    def _say(self, line: str) -> None:
        self._lines.append(neutralise(line))
        self._text.update(Text("\n".join(self._lines), overflow="fold"))
        self.query_one("#content", VerticalScroll).scroll_end(animate=False)

    def action_nothing(self) -> None:
        """A slip of the key is no reason to leave."""
