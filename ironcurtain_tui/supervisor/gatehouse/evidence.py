"""What a tool call leads to on this machine, looked up so that nothing the agent wrote is run or followed."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path

from ironcurtain_tui.escalations.card import Evidence, FileChange, Lead
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.policy.annotations import Element
from ironcurtain_tui.policy.roles import Role

_HARMLESS = frozenset({Role.READ_PATH, Role.NONE})
LARGEST_FILE = 1 << 20
"""Bytes of a file that is compared with what would be written."""


class HostEvidence:
    """Looks at files and repositories. Arguments are read by their shape: ``path`` with ``content`` or ``edits``.

    ``elements`` tells what the arguments of a call mean and where they lead.
    """

    def __init__(self, elements: Callable[[ToolCall], Sequence[Element]]) -> None:
        self._elements = elements

    async def gather(self, call: ToolCall) -> Evidence:
        """Never fails: what cannot be found out is said."""
        found = await asyncio.to_thread(self._elements, call)
        changes, notes = await asyncio.to_thread(_change, call)
        commits = ""
        if "push" in call.tool:
            from ironcurtain_tui.supervisor.gatehouse.outgoing_commits import outgoing_commits  # needs the MCP SDK

            commits = await outgoing_commits(call.arguments)
        return Evidence(
            leads=tuple(
                Lead(argument=each.argument, role=each.role, subject=each.subject or "cannot be told") for each in found
            ),
            harmless=bool(found) and all(each.role in _HARMLESS for each in found),
            changes=changes,
            commits=commits,
            notes=notes,
        )


def _change(call: ToolCall) -> tuple[tuple[FileChange, ...], tuple[tuple[str, str], ...]]:
    """The change a call would make to a file, or why it cannot be shown."""
    path, content, edits = (call.arguments.get(name) for name in ("path", "content", "edits"))
    if not isinstance(path, str) or not (isinstance(content, str) or isinstance(edits, list)):
        return (), ()
    try:
        before = _read(Path(path))
        after = content if isinstance(content, str) else _edited(before or "", edits)
    except (OSError, ValueError) as error:
        return (), (("Present file", f"cannot be compared: {error}"),)
    return (FileChange(path=os.path.realpath(path), before=before, after=after),), ()


def _read(path: Path) -> str | None:
    """The text of a regular file; None when there is none. ValueError for what is no text or too long."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(descriptor, "rb") as file:  # noqa: PTH123 -- a descriptor
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("it is not a regular file")
        data = file.read(LARGEST_FILE + 1)
    if data and not status.st_size:
        raise ValueError("it is no file of a disk")  # but, say, the environment of this very process
    if len(data) > LARGEST_FILE:
        raise ValueError(f"it is longer than {LARGEST_FILE:,} bytes")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None


def _edited(text: str, edits: object) -> str:
    """``text`` after replacements as the filesystem server makes them. ValueError when one does not apply."""
    for edit in edits if isinstance(edits, list) else []:
        old, new = (edit.get(name) for name in ("oldText", "newText")) if isinstance(edit, dict) else (None, None)
        if not isinstance(old, str) or not isinstance(new, str) or old not in text:
            raise ValueError("an edit does not apply to it")
        text = text.replace(old, new, 1)
    return text
