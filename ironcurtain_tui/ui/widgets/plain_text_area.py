"""A text area into which nothing but text is pasted."""

from __future__ import annotations

from textual import events
from textual.widgets import TextArea


class PlainTextArea(TextArea):
    """Without anything around the text."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_line_numbers=False, highlight_cursor_line=False, tab_behavior="indent")

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()  # else the base class puts it in a second time, as it came
        event.stop()
        lines = event.text.replace("\r\n", "\n").replace("\r", "\n")
        self.insert("".join(each for each in lines if each.isprintable() or each in "\n\t"))
