"""Only one process at a time may spend a refresh token."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from ironcurtain_tui.tasks import TaskOwner

WAIT_SECONDS = 45.0
"""How long somebody else may take: longer than a refresh."""
STALE_SECONDS = 60.0
"""Age at which a lock directory belongs to a process that is dead."""
TOUCH_SECONDS = 5.0
POLL_SECONDS = 0.1


class Busy(Exception):  # noqa: N818 (an outcome)
    """Somebody else holds it and does not let go."""


@asynccontextmanager
async def alone(directory: Path, also: tuple[Path, ...] = ()) -> AsyncIterator[None]:
    """Hold the lock of ``directory`` against every other IronCurtain, then the lock directories ``also``, which are
    what the agent itself heeds. Busy when that takes longer than WAIT_SECONDS.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    async with AsyncExitStack() as stack:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, descriptor)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await _wait(deadline)
        for path in also:
            await stack.enter_async_context(_LockDirectory(path).held(deadline))
        yield


class _LockDirectory:
    """The protocol of the npm package ``proper-lockfile`` 4, which Claude Code uses.

    The lock is an empty directory; its holder renews its time of modification every few seconds, and one that was
    not renewed for STALE_SECONDS may be removed. Where none can be made, the agent does without one, too.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mine: int | None = None
        """Its inode; None when there is none of ours."""

    @asynccontextmanager
    async def held(self, deadline: float) -> AsyncIterator[None]:
        while not self._taken():
            await _wait(deadline)
        renewing = TaskOwner()
        renewing.start(self._renew(), "renew lock")
        try:
            yield
        finally:
            await renewing.close()
            self._release()

    def _taken(self) -> bool:
        for _ in range(2):
            try:
                self._path.mkdir()
                self._mine = self._path.stat().st_ino
            except FileExistsError:
                with suppress(OSError):
                    if time.time() - self._path.stat().st_mtime <= STALE_SECONDS:
                        return False
                    self._path.rmdir()
            except OSError:
                return True
            else:
                return True
        return False

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(TOUCH_SECONDS)
            with suppress(OSError):
                os.utime(self._path)

    def _release(self) -> None:
        with suppress(OSError):
            if self._path.stat().st_ino == self._mine:  # not one that was made because we took too long
                self._path.rmdir()


async def _wait(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise Busy
    await asyncio.sleep(POLL_SECONDS)
