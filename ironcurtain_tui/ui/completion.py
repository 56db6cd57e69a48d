"""Paths of the workspace in the line that is typed to the agent.

What the agent named its files must not become the person's words by a slip: only names without blanks and without
anything but letters, digits and ``._+@-`` are offered, and the person sees what was put in before it is sent.
"""

from __future__ import annotations

import os
import re
from itertools import islice
from pathlib import Path
from typing import NamedTuple

LARGEST = 5_000
"""Entries of a directory that are looked at."""
LONGEST = 120
"""Characters of a name that is offered."""
_PLAIN = re.compile(r"[\w.+@-]+")
_WORD = re.compile(r"(?P<sign>@?)(?P<path>[^\s@]*)$")


class Completion(NamedTuple):
    """What a word can become."""

    start: int
    """Where in the text the path begins that is to be replaced."""
    path: str
    """The longest start that all names share."""
    names: tuple[str, ...] = ()
    """All that fit, directories with a slash at the end."""


def complete(workspace: Path, before: str) -> Completion:
    """Complete the path at the end of ``before``, the text left of the cursor. Touches the disk."""
    word = _WORD.search(before)
    path = word["path"] if word else ""
    start = len(before) - len(path)
    directory, _, begun = path.rpartition("/")
    names = tuple(
        sorted(each for each in _entries(workspace, directory) if each.startswith(begun) and _offered(each, begun))
    )
    if not names:
        return Completion(start, path)
    shared = os.path.commonprefix(names)  # noqa: RUF071 -- of characters is meant
    return Completion(start, f"{directory}/{shared}" if directory else shared, names)


def _entries(workspace: Path, directory: str) -> list[str]:
    """The names in a directory of the workspace; none where it leads out of it."""
    try:
        root = workspace.resolve()
        place = (root / directory).resolve()
        if not place.is_relative_to(root):
            return []
        with os.scandir(place) as entries:
            return [f"{entry.name}/" if entry.is_dir() else entry.name for entry in islice(entries, LARGEST)]
    except (OSError, ValueError):
        return []


def _offered(name: str, begun: str) -> bool:
    plain = name.removesuffix("/")
    hidden = plain.startswith(".") and not begun.startswith(".")
    return not hidden and len(plain) <= LONGEST and _PLAIN.fullmatch(plain) is not None
