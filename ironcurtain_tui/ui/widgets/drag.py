"""Something that can be dragged with the mouse to move an edge."""

from __future__ import annotations

from textual import events
from textual.message import Message
from textual.widget import Widget


class DragHandle(Widget):
    """Reports how far it is dragged, step by step."""

    class Dragged(Message):
        """Moved by ``columns`` to the right and ``rows`` down since the last message."""

        def __init__(self, handle: DragHandle, columns: int, rows: int) -> None:
            super().__init__()
            self.handle = handle
            self.columns = columns
            self.rows = rows

        @property
        def control(self) -> DragHandle:
            return self.handle

    _from: tuple[int, int] | None = None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if event.button == 1:
            self._from = (event.screen_x, event.screen_y)
            self.capture_mouse()
            self.add_class("-dragging")

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._from is None:
            return
        columns, rows = event.screen_x - self._from[0], event.screen_y - self._from[1]
        if columns or rows:
            self._from = (event.screen_x, event.screen_y)
            self.post_message(self.Dragged(self, columns, rows))

    def on_mouse_up(self) -> None:
        self._from = None
        self.release_mouse()
        self.remove_class("-dragging")
