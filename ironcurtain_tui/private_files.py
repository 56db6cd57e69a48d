"""Small files that only their owner may touch: keys and certificates."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ironcurtain_tui.errors import UserFacingError

LARGEST = 1 << 20
"""Bytes that are read of a file."""


def read_private(path: Path, *, secret: bool) -> bytes | None:
    """What ``path`` holds, None when there is none.

    Raises UserFacingError when it is a link or no regular file, belongs to somebody else, or others could have
    changed it (with ``secret``: read it).
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserFacingError(
            f"{path} cannot be opened: {error.strerror} (a symbolic link is not followed).", f"Remove {path}."
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UserFacingError(f"{path} is not a regular file.", f"Remove {path}.")
        if status.st_uid != os.geteuid():
            raise UserFacingError(
                f"{path} belongs to another user (uid {status.st_uid}).", f"Run `sudo chown {os.geteuid()} {path}`."
            )
        loose = 0o077 if secret else 0o022
        if status.st_mode & loose:
            doing = "read" if secret else "changed"
            raise UserFacingError(
                f"{path} can be {doing} by other users (mode {stat.S_IMODE(status.st_mode):04o}).",
                f"Run `chmod {'600' if secret else '644'} {path}`.",
            )
        return os.read(descriptor, LARGEST)
    finally:
        os.close(descriptor)


def write_private(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path``, whole or not at all, 0600. UserFacingError when that is impossible."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        temporary.unlink(missing_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_directory(path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserFacingError(
            f"{path} cannot be written: {error.strerror}.", "Free space or fix the permissions of its directory."
        ) from error


def flush_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold ``directory`` against every other process that does the same."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
