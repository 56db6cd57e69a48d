"""The line in which the person writes to the agent on the host: what is sent from here are the person's words."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message

from ironcurtain_tui.events import Utterance
from ironcurtain_tui.ui.completion import Completion, complete
from ironcurtain_tui.ui.keymap import Command
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.tone import Tone
from ironcurtain_tui.ui.widgets.line import Line, Piece

if TYPE_CHECKING:  # loaded when the line is opened for the first time
    from ironcurtain_tui.ui.widgets.plain_text_area import PlainTextArea

HEADING = " ▌ Your words to the agent "
MOST_ROWS = 8
_OURS = {Command.SUBMIT, Command.NEW_LINE, Command.COMPLETE, Command.EARLIER, Command.LATER}
OFFERED = 12
"""Names that are shown when several fit."""


class TrustedLine(Vertical):
    """Hidden until it is opened. What was not sent stays in it."""

    class Said(Message):
        """The person sent ``text``."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self._title = Line()
        self._area: PlainTextArea | None = None
        self._workspace = Path()
        self._earlier: list[str] = []
        self._at = 0
        self._draft = ""

    def compose(self) -> ComposeResult:
        yield self._title

    @property
    def area(self) -> PlainTextArea:
        """Where the text is written. Made when it is first asked for."""
        if self._area is None:
            from ironcurtain_tui.ui.widgets.plain_text_area import PlainTextArea

            self._area = PlainTextArea()
            self.mount(self._area)
        return self._area

    @property
    def is_written_in(self) -> bool:
        """Whether the keys go to the text."""
        return self._area is not None and self.screen.focused is self._area

    def open(self, workspace: str, said: Sequence[Utterance]) -> None:
        """Show it, with what was ``said`` before at hand."""
        self._workspace = Path(workspace)
        self._earlier = [each.text for each in said]
        self._at = len(self._earlier)
        self.display = True
        self._say("recorded, and shown with what the agent then asks for")

    def close(self) -> None:
        """Hide it; the text stays."""
        self.display = False

    def obey(self, command: Command) -> bool:
        """Carry out what a key asks; False when it is none of ours.

        The text gets its keys by its own queue: what is asked waits there, so that nothing typed before is missing.
        """
        if command not in _OURS:
            return False
        self.area.call_later(self._obey, command)
        return True

    def _obey(self, command: Command) -> None:
        match command:
            case Command.SUBMIT:
                self._send()
            case Command.NEW_LINE:
                self.area.insert("\n")
            case Command.COMPLETE:
                self.run_worker(self._complete(), exclusive=True, name="path completion")
            case Command.EARLIER:
                self._step(-1)
            case _:
                self._step(1)

    def on_text_area_changed(self) -> None:
        """As high as the text, up to a point."""
        rows = self.area.wrapped_document.height
        self.area.styles.height = max(1, min(rows, MOST_ROWS))

    def _send(self) -> None:
        text = self.area.text.strip()
        if text:
            self.area.clear()
            self.post_message(self.Said(text))

    def _step(self, by: int) -> None:
        """A row up or down in the text; beyond it, what was said before or after."""
        area = self.area
        if not (area.cursor_at_first_line if by < 0 else area.cursor_at_last_line):
            if by < 0:
                area.action_cursor_up()
            else:
                area.action_cursor_down()
            return
        if self._at == len(self._earlier):
            self._draft = area.text
        at = max(0, min(self._at + by, len(self._earlier)))
        if at != self._at:
            self._at = at
            area.text = self._draft if at == len(self._earlier) else self._earlier[at]
            area.move_cursor(area.document.end)

    async def _complete(self) -> None:
        row, column = self.area.cursor_location
        before = self.area.document.get_line(row)[:column]
        found = await asyncio.to_thread(complete, self._workspace, before)
        if self.area.cursor_location != (row, column):
            return
        whole = len(found.names) == 1 and not found.path.endswith("/")
        self.area.replace(f"{found.path} " if whole else found.path, (row, found.start), (row, column))
        self._say(_offer(found))

    def _say(self, remark: str) -> None:
        self._title.show([Piece(HEADING, Tone.ALERT), Piece(remark, Tone.QUIET, rank=1)])


def _offer(found: Completion) -> str:
    if not found.names:
        return "no such path in the workspace"
    more = len(found.names) - OFFERED
    shown = "  ".join(neutralise(name) for name in found.names[:OFFERED])
    return f"{shown}  (+{more})" if more > 0 else shown
