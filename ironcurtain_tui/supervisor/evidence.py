"""What a tool call leads to on this machine, looked up so that nothing the agent wrote is run or followed."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path

from ironcurtain_tui.escalations.card import Evidence, FileChange
from ironcurtain_tui.policy.action import ToolCall
from ironcurtain_tui.supervisor.outgoing_commits import outgoing_commits

LARGEST_FILE = 1 << 20
"""Bytes of a file that is compared with what would be written."""


class HostEvidence:
    """Looks at files and repositories. Arguments are read by their shape: ``path`` with ``content`` or ``edits``."""

    async def gather(self, call: ToolCall) -> Evidence:
        """Never fails: what cannot be found out is said."""
        changes, notes = await asyncio.to_thread(_change, call)
        commits = ""
        if "push" in call.tool:
            commits = await outgoing_commits(call.arguments)
        return Evidence(
            paths=await asyncio.to_thread(_real_paths, call),
            changes=changes,
            commits=commits,
            notes=notes,
        )


def _real_paths(call: ToolCall) -> tuple[tuple[str, str], ...]:
    """Where arguments that are absolute paths lead, if it is elsewhere."""
    named = [
        (name, value)
        for name, value in call.arguments.items()
        if isinstance(value, str) and value.startswith("/") and "\0" not in value
    ]
    return tuple((name, real) for name, value in named if (real := os.path.realpath(value)) != value)


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
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        data = file.read(LARGEST_FILE + 1)
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
