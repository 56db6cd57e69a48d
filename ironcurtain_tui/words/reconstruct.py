"""The messages in a stretch of keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ironcurtain_tui.words.editors import EDITORS, Editor, Message
from ironcurtain_tui.words.strokes import strokes


@dataclass(frozen=True)
class Sent:
    """Bytes that went to the agent's terminal at one moment because the person pressed a key or pasted."""

    time: float
    data: bytes


def messages(agent: str, sent: Iterable[Sent], *, columns: int = 0, whole: bool = True) -> list[Message]:
    """What was sent to ``agent`` with these keys, oldest first.

    ``columns`` of its terminal; not ``whole`` when earlier keys are missing. What was typed and not sent yet is no
    message.
    """
    editor = EDITORS.get(agent, Editor)(columns, whole=whole)
    found = (editor.take(stroke, each.time) for each in sent for stroke in strokes(each.data))
    return [message for message in found if message is not None]


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
