"""Unix sockets that are ours: private from the first moment, and removed only by who made them."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ironcurtain_tui.errors import UserFacingError


@dataclass(frozen=True)
class BoundSocket:
    """A stream socket bound to a path, not listening yet."""

    socket: socket.socket
    path: Path
    _identity: tuple[int, int]

    @classmethod
    def bind(cls, path: Path, mode: int = 0o600) -> Self:
        """Bind to ``path`` with permissions ``mode``, in place of a socket that somebody left there.

        UserFacingError when something else is there, or the directory does not allow it.
        """
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            if path.is_socket() and not path.is_symlink():
                path.unlink()
            bound.bind(os.fspath(path))
            path.chmod(mode)
            return cls(bound, path, _identity(path))
        except OSError as error:
            bound.close()
            raise UserFacingError(
                f"Cannot listen on {path}: {error.strerror or error}.",
                "Make sure that its directory exists, can be written and has a short path.",
            ) from error
        finally:
            os.umask(mask)

    def remove(self) -> None:
        """Take the path away, unless a successor has made its own there. Call before closing the socket."""
        try:
            if _identity(self.path) == self._identity:
                self.path.unlink()
        except OSError:
            pass  # it is gone, or its directory is


def _identity(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_dev, status.st_ino
