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
