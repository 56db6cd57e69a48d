"""Where the agent's connections come in."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

from ironcurtain_tui.errors import UserFacingError

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener(Protocol):
    """A door. Today a unix socket."""

    async def open(self, serve: Serve) -> None:
        """Accept connections; each is given to ``serve``. Raises UserFacingError when that is impossible."""

    def close(self) -> None:
        """Accept no more, and take the door away."""


class UnixListener:
    """A unix socket at ``path``.

    ``mode`` 0600 when the container's user is ours, 0666 when not: the directory around it (0700) keeps
    other users of the host out.
    """

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self._path = path
        self._mode = mode
        self._server: asyncio.Server | None = None
        self._inode = 0

    async def open(self, serve: Serve) -> None:
        listening = self._bind()
        self._server = await asyncio.start_unix_server(serve, sock=listening, backlog=128)

    def _bind(self) -> socket.socket:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._remove_stale()
            listening.bind(os.fspath(self._path))
            self._path.chmod(self._mode)
            self._inode = self._path.stat().st_ino
        except OSError as error:
            listening.close()
            raise UserFacingError(
                f"The proxy cannot listen on {self._path}: {error.strerror or error}.",
                "Make sure that its directory exists, can be written and has a short path.",
            ) from error
        finally:
            os.umask(mask)
        return listening

    def _remove_stale(self) -> None:
        try:
            if stat.S_ISSOCK(self._path.lstat().st_mode):
                self._path.unlink()
        except FileNotFoundError:
            pass

    def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        self._server = None
        try:
            if self._path.lstat().st_ino == self._inode:  # not a successor's
                self._path.unlink()
        except FileNotFoundError:
            pass
