"""The messages in a stretch of keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ironcurtain_tui.words.dialects import DIALECTS, UNMEASURED
from ironcurtain_tui.words.editors import Editor, Message
from ironcurtain_tui.words.strokes import strokes


@dataclass(frozen=True)
class Sent:
    """Bytes that went to the agent's terminal at one moment because the person pressed a key or pasted."""

    time: float
    data: bytes
    columns: int = 0
    """Of the terminal then; 0 when not known."""


def messages(dialect: str, sent: Iterable[Sent], *, whole: bool = True, complete: bool = True) -> list[Message]:
    """What was sent with these keys to a prompt of this ``dialect``, oldest first.

    Not ``whole`` when earlier keys of the first text are missing, not ``complete`` when any since the program's start
    are. What was typed and not sent yet is no message.
    """
    editor = Editor(DIALECTS.get(dialect, UNMEASURED), whole=whole, complete=complete)
    found: list[Message] = []
    for each in sent:
        editor.resized(each.columns)
        for stroke in strokes(each.data):
            if found and each.time - found[-1].time < editor.dialect.sending:
                found[-1] = found[-1].doubted()
                editor.doubt()
            if message := editor.take(stroke, each.time):
                found.append(message)
    return found


def keys(sent: Iterable[Sent]) -> list[str]:
    """The keys as one would read them aloud: runs of text as they are, other keys as ``<ctrl+w>``."""
    told: list[str] = []
    text = False
    for stroke in (stroke for each in sent for stroke in strokes(each.data)):
        if stroke.text and text and not stroke.pasted:
            told[-1] += stroke.text
        else:
            told.append(f"<paste>{stroke.text}</paste>" if stroke.pasted else stroke.text or f"<{stroke.key}>")
        text = bool(stroke.text) and not stroke.pasted
    return told
