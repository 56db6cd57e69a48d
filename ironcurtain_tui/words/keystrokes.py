"""The last keys that went to the agent's terminal, in memory only, bounded, without what was typed unseen."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from ironcurtain_tui.words.echo import modal, shows
from ironcurtain_tui.words.reconstruct import Sent
from ironcurtain_tui.words.strokes import strokes

KEPT_BYTES = 64 << 10
UNSEEN_SECONDS = 2.0
"""What does not appear on the screen within this time after the last key of its line is forgotten."""
TELLING = 4
"""Characters that are on the screen by chance less often than not."""
_ENDS = {"enter", "ctrl+j", "ctrl+c"}
"""Keys that end a line at any prompt."""


@dataclass
class _Stretch:
    """The keys of one line that is not known to have been seen yet."""

    sent: list[Sent] = field(default_factory=list)
    text: str = ""
    pasted: bool = False
    ended: bool = False
    shown: int = 0
    """So many characters of it were on the screen at once."""
    unseen: bool = False
    """It did not appear: nothing of it is kept, the rest of its line neither."""

    @property
    def last(self) -> float:
        return self.sent[-1].time if self.sent else 0.0

    def on(self, screen: str) -> bool:
        """Whether enough of it is on ``screen``, or was before."""
        if shows(screen, self.text, pasted=self.pasted):
            self.shown = len(self.text)
        return self.shown * 2 >= len(self.text) and self.shown >= min(len(self.text), TELLING)


class Keystrokes:
    """Add what is sent, show it the screen now and then, ask for what is left. Times are seconds."""

    def __init__(self, *, complete: bool = True) -> None:
        """Not ``complete``: the program got other input before."""
        self._kept: deque[Sent] = deque()
        self._size = 0
        self._open: list[_Stretch] = [_Stretch()]
        self._whole = True
        self._complete = complete
        self._forgot = float("-inf")

    @property
    def waiting(self) -> bool:
        """Whether there is anything of which it is not known whether it was seen."""
        return any(stretch.sent for stretch in self._open)

    @property
    def whole(self) -> bool:
        """Whether ``seen`` goes back to an empty line."""
        return self._whole

    @property
    def complete(self) -> bool:
        """Whether nothing was ever forgotten, and no mode was seen in which keys mean something else."""
        return self._complete

    @property
    def forgot(self) -> float:
        """When the last of the keys was pressed that were forgotten unseen: a message before it may not be the last."""
        return self._forgot

    def add(self, now: float, data: bytes, columns: int = 0) -> None:
        """``data`` was sent because the person pressed a key or pasted; the terminal is ``columns`` wide."""
        stretch = self._open[-1]
        for stroke in strokes(data):
            stretch.text += stroke.text
            stretch.pasted |= stroke.pasted
            stretch.ended |= stroke.key in _ENDS
        if not stretch.unseen:
            stretch.sent.append(Sent(now, data, columns))
            self._size += len(data)
        else:
            stretch.text = ""
        if stretch.ended:
            self._open.append(_Stretch())
        self._bound()

    def look(self, now: float, screen: str) -> None:
        """What ``screen`` shows is kept; what was typed a while ago and it does not show is forgotten."""
        self._complete &= not modal(screen)
        for stretch in self._open:
            if stretch.on(screen):
                if stretch.ended:
                    self._kept += stretch.sent
                    stretch.sent = []
            elif stretch.sent and now - stretch.last >= UNSEEN_SECONDS:
                self._size -= sum(len(sent.data) for sent in stretch.sent)
                self._forgot = stretch.last
                stretch.sent, stretch.text, stretch.unseen = [], "", True
                self._complete = False
        self._open = [stretch for stretch in self._open[:-1] if stretch.sent] + self._open[-1:]

    def seen(self, screen: str) -> list[Sent]:
        """All that is kept, and of the rest what ``screen`` shows, in order."""
        self._complete &= not modal(screen)
        return [*self._kept, *self._visible(screen)]

    def _visible(self, screen: str) -> Iterator[Sent]:
        for stretch in self._open:
            if stretch.on(screen):
                yield from stretch.sent

    def _bound(self) -> None:
        while self._size > KEPT_BYTES:
            oldest = self._kept if self._kept else next(stretch.sent for stretch in self._open if stretch.sent)
            self._size -= len(oldest[0].data)
            del oldest[0]
            self._whole = self._complete = False
