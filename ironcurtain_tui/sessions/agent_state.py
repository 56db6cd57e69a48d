"""What an agent keeps of its conversations: ``sessions/<id>/state``, mounted into its container and written by it.

So nothing in it is trusted. No link is followed or kept, nothing but plain files and directories counts, all of it is
bounded, and nothing is left executable.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ironcurtain_tui.containers.identity import Identity
from ironcurtain_tui.errors import UserFacingError

LARGEST = 512 << 20
"""Bytes of all files together."""
MOST = 20_000
"""Files and directories."""
DEEPEST = 24
"""Directories inside each other."""
PIECE = 1 << 20


class TooMuchError(Exception):
    """The agent kept more than is taken over."""


@dataclass(frozen=True)
class _Entry:
    """A plain file or a directory, reached without following a link."""

    path: str
    """Relative to the state directory."""
    status: os.stat_result
    parent: int
    """Descriptor of the directory it is in; open while the walk stands there."""
    name: str

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.status.st_mode)


def make(state: Path, places: Sequence[str], identity: Identity) -> None:
    """Create ``state`` with an empty directory for each of ``places``, all of it the agent's."""
    state.mkdir(mode=0o700)
    _give(state, identity)
    for place in places:
        at = state
        for part in PurePosixPath(place).parts:
            at /= part
            if not at.exists():
                at.mkdir(mode=0o700)
                _give(at, identity)


def take_over(source: Path, state: Path, places: Sequence[str], identity: Identity) -> None:
    """Fill ``state``, made before, with a copy of what lies in ``places`` of ``source``, which nobody writes any more.

    UserFacingError when it is too much, or cannot be read or written.
    """
    try:
        with _opened(state) as target:
            for entry in _entries(source, places):
                if entry.is_file:
                    _copy(entry, target, identity)
                elif entry.path not in _parents(places):
                    os.mkdir(entry.path, 0o700, dir_fd=target)
                    _give_at(entry.path, target, identity)
    except (OSError, TooMuchError) as error:
        raise UserFacingError(
            f"What the agent kept of its conversation cannot be taken over: {error}.",
            "Start a new conversation with `ironcurtain-tui run`.",
        ) from error


def files(state: Path, places: Sequence[str]) -> list[str]:
    """Paths of all files that were kept, relative to the agent's home; none when there is too much or nothing."""
    try:
        return [entry.path for entry in _entries(state, places) if entry.is_file]
    except (OSError, TooMuchError):
        return []


def settle(state: Path) -> str:
    """Make what a container that is gone left harmless; why all of it was removed, empty when it was kept."""
    if not state.is_dir() or state.is_symlink():
        return ""
    try:
        for entry in _entries(state, ("",), strays=True):
            if entry.is_file or stat.S_ISDIR(entry.status.st_mode):
                _restrict(entry)
            else:
                os.unlink(entry.name, dir_fd=entry.parent)
    except (OSError, TooMuchError) as error:
        shutil.rmtree(state, ignore_errors=True)
        return str(error)
    return ""


def measure(state: Path) -> str:
    """What is wrong with the size of ``state`` now; empty when nothing is."""
    try:
        for _ in _entries(state, ("",)):
            pass
    except TooMuchError as error:
        return str(error)
    except OSError:
        pass  # the agent changes it under our eyes
    return ""


def _entries(state: Path, places: Sequence[str], *, strays: bool = False) -> Iterator[_Entry]:
    """Everything below ``places``, directories before what is in them. With ``strays`` links and devices, too."""
    bytes_left, left = LARGEST, MOST

    def walk(directory: int, path: PurePosixPath, depth: int) -> Iterator[_Entry]:
        nonlocal bytes_left, left
        if depth > DEEPEST:
            raise TooMuchError(f"directories lie more than {DEEPEST} deep")
        with os.scandir(directory) as found:
            for each in found:
                status = each.stat(follow_symlinks=False)
                entry = _Entry(str(path / each.name), status, directory, each.name)
                left -= 1
                bytes_left -= status.st_size if entry.is_file else 0
                if left < 0 or bytes_left < 0:
                    raise TooMuchError(f"it holds more than {MOST:,} files or {LARGEST >> 20} MiB")
                if stat.S_ISDIR(status.st_mode):
                    yield entry
                    with _opened(each.name, directory) as inner:
                        yield from walk(inner, path / each.name, depth + 1)
                elif entry.is_file or strays:
                    yield entry

    for place in places:
        with _opened(state) as root:
            descriptor = os.dup(root)
            try:
                for part in PurePosixPath(place).parts:
                    deeper = os.open(part, _DIRECTORY, dir_fd=descriptor)
                    os.close(descriptor)
                    descriptor = deeper
                yield from walk(descriptor, PurePosixPath(place), 0)
            finally:
                os.close(descriptor)


_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def _opened(path: Path | str, parent: int | None = None) -> Iterator[int]:
    descriptor = os.open(path, _DIRECTORY, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _restrict(entry: _Entry) -> None:
    opened = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=entry.parent)
    try:
        os.fchmod(opened, 0o600 if entry.is_file else 0o700)
    finally:
        os.close(opened)


def _copy(entry: _Entry, target: int, identity: Identity) -> None:
    """As many bytes as it had when it was measured; what grew since is not ours to copy."""
    reading = os.open(entry.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=entry.parent)
    with os.fdopen(reading, "rb") as source:
        if not stat.S_ISREG(os.fstat(reading).st_mode):
            return
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(entry.path, flags, 0o600, dir_fd=target), "wb") as copy:
            left = entry.status.st_size
            while left and (piece := source.read(min(PIECE, left))):
                copy.write(piece)
                left -= len(piece)
        _give_at(entry.path, target, identity)


def _parents(places: Sequence[str]) -> set[str]:
    return {str(part) for place in places for part in (PurePosixPath(place), *PurePosixPath(place).parents)}


def _give(path: Path, identity: Identity) -> None:
    if os.geteuid() == 0:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def _give_at(path: str, parent: int, identity: Identity) -> None:
    if os.geteuid() == 0:
        os.chown(path, identity.uid, identity.gid, dir_fd=parent, follow_symlinks=False)
