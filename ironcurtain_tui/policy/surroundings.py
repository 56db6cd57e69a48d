"""What a decision depends on besides the action and the rules: where things lie on this machine.

The one place where the policy looks at the file system, and it only resolves names: containment is decided
on real paths, and only the file system knows where a symbolic link leads.
"""

from __future__ import annotations

import errno
import os
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

CONTAINER_WORKSPACE = "/workspace"
"""The workspace's name inside the container."""
LONGEST_PATH = 4096
"""Characters. PATH_MAX of Linux; a longer one cannot be opened."""


def real_path(path: str) -> str:
    """As os.path.realpath, but OSError where links lead in a circle."""
    real = os.path.realpath(path)
    try:
        os.stat(real)  # noqa: PTH116 (a string throughout)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise
    return real


def _no_remote(repository: str, name: str) -> str | None:  # noqa: ARG001 (the shape of ``remote_url``)
    return None


@dataclass(frozen=True)
class Surroundings:
    """``workspace`` and ``protected`` are real paths; ``home`` is what ``~`` stands for.

    ``realpath`` follows every symbolic link that exists and keeps what does not exist yet. ``remote_url`` tells the
    URL of a repository's named remote, None when there is none: it must read the configuration as data and run nothing.
    """

    workspace: str = "/nonexistent"
    protected: tuple[str, ...] = ()
    home: str = field(default_factory=lambda: os.path.expanduser("~"))  # noqa: PTH111 (a string throughout)
    realpath: Callable[[str], str] = real_path
    remote_url: Callable[[str, str], str | None] = _no_remote

    def resolve(self, path: str, base: str = "") -> str | None:
        """The real path that ``path`` leads to, relative ones from ``base`` (default: the workspace).

        ``/workspace`` is the workspace, as the agent knows it, unless that is already the host's name for it.
        None when that cannot be told: loops of links, URLs, another user's home, names no file can have.
        """
        if not path or len(path) > LONGEST_PATH or "\0" in path or "://" in path:
            return None
        if path == "~" or path.startswith("~/"):
            path = self.home + path[1:]
        elif path.startswith("~"):
            return None
        elif within(path, CONTAINER_WORKSPACE) and not within(path, self.workspace):
            path = self.workspace + path[len(CONTAINER_WORKSPACE) :]
        try:
            real = self.realpath(os.path.join(base or self.workspace, path))  # noqa: PTH118 (pathlib would tidy it)
            return real if self.realpath(real) == real else None
        except (OSError, ValueError):
            return None

    def in_workspace(self, real: str) -> bool:
        """Whether a real path is the workspace or lies in it."""
        return within(real, self.workspace)

    def is_protected(self, real: str) -> bool:
        """Whether a real path is, or lies in, something of ours. Spellings that some file systems take for the
        same (case, composed letters) count as the same.
        """
        return not self.in_workspace(real) and any(within(folded(real), folded(ours)) for ours in self.protected)

    def holds_protected(self, real: str) -> bool:
        """Whether something of ours lies inside the directory ``real``."""
        return any(within(folded(ours), folded(real)) for ours in self.protected)


def within(path: str, directory: str) -> bool:
    """Whether a real path is ``directory`` or lies in it."""
    return path == directory or path.startswith(directory.rstrip("/") + "/")


def folded(path: str) -> str:
    """``path`` in the one spelling of all that some file systems take for the same."""
    return unicodedata.normalize("NFC", path.casefold())
