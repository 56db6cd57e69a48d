"""The workspace has two names: one on the host and ``/workspace`` in the container."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironcurtain_tui.policy.surroundings import CONTAINER_WORKSPACE


@dataclass(frozen=True)
class WorkspacePaths:
    """Translates between the two. ``host`` is the real path of the workspace."""

    host: Path

    def to_host(self, path: str) -> str:
        """``path`` as the host names it: ``/workspace`` and what lies below it change, all else stays."""
        if path == CONTAINER_WORKSPACE or path.startswith(f"{CONTAINER_WORKSPACE}/"):
            return f"{self.host}{path[len(CONTAINER_WORKSPACE) :]}"
        return path

    def to_agent(self, text: str) -> str:
        """``text`` with every path in the workspace as the container names it; ``/home/me/project2`` is none."""
        return self._pattern().sub(CONTAINER_WORKSPACE, text)

    def real(self, path: str) -> str:
        """The real host path that ``path``, as the agent wrote it, stands for; it need not exist.

        Relative ones count from the workspace, ``~`` is the home of the person. ValueError for what cannot be a path.
        """
        if not path or "\0" in path:
            raise ValueError("a path is neither empty nor holds a NUL")
        try:
            return os.path.realpath(self.host / Path(self.to_host(path)).expanduser())
        except RuntimeError as error:  # ~somebody, who has no home
            raise ValueError(str(error)) from error

    def real_or_empty(self, path: str) -> str:
        """``real``, but an empty text, which stands for a path that was not given, stays empty."""
        return self.real(path) if path else ""

    def _pattern(self) -> re.Pattern[str]:
        # A path ends where no name can go on; a full stop may also be the end of a sentence.
        start = r"(?:(?<![\w/.~-])|(?<=file://))"
        end = r"(?=/|[^\w.-]|\.(?!\w)|\Z)"
        return re.compile(start + re.escape(str(self.host)) + end)


def each_text[T](value: T, change: Callable[[str], str]) -> T:
    """``value``, made of what JSON is made of, with ``change`` applied to every text in it but the names of members."""
    changed: Any = value
    match value:
        case str():
            changed = change(value)
        case dict():
            changed = {name: each_text(member, change) for name, member in value.items()}
        case list():
            changed = [each_text(member, change) for member in value]
    return changed  # type: ignore[no-any-return]
