"""Owned asyncio tasks: every one has a name, an owner that cancels it, and a place its failure goes to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

CANCEL_SECONDS = 8.0
"""How long a cancelled task may take to end before it is cancelled again. Longer than any orderly end."""


class TaskOwner:
    """Starts named tasks, keeps them alive, and ends them all in ``close``.

    A task that fails is logged and reported to ``on_failure`` (name, exception); it never fails silently.
    """

    def __init__(self, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._on_failure = on_failure

    def start(self, work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Run ``work`` as a task of the running loop under ``name``."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled() or (error := task.exception()) is None:
            return
        log.error("task %s failed", task.get_name(), exc_info=error)
        if self._on_failure is not None:
            self._on_failure(task.get_name(), error)

    async def settle(self) -> None:
        """Wait until every task has ended by itself."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Cancel every task and wait until all have ended. Safe to call from one of them.

        A library may swallow a cancellation: whoever has not ended after a while is cancelled again.
        """
        pending = self._tasks - {asyncio.current_task()}
        while pending:
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=CANCEL_SECONDS)


async def together(*work: Coroutine[Any, Any, object]) -> None:
    """Run all of ``work`` at once, each to its end even when another fails; then raise the first failure.

    Unlike a TaskGroup it cancels nothing: a container that a thread is just creating would be lost.
    """
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
