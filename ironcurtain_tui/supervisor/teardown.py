"""Undoing a session in order: every step logged, none fatal, each with a time limit."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

STEP_SECONDS = 20.0


class Teardown:
    """A stack of things to undo, newest first."""

    def __init__(self) -> None:
        self._steps: list[tuple[str, Callable[[], Awaitable[object]]]] = []

    def push(self, name: str, undo: Callable[[], Awaitable[object]]) -> None:
        """``undo`` will be called once, before everything pushed earlier."""
        self._steps.append((name, undo))

    async def run(self, only: frozenset[str] | None = None) -> list[str]:
        """Undo everything (or what is named in ``only``); the names of what failed or took longer than 20 s."""
        chosen = [step for step in self._steps if only is None or step[0] in only]
        self._steps = [step for step in self._steps if step not in chosen]
        failed = []
        for name, undo in reversed(chosen):
            try:
                async with asyncio.timeout(STEP_SECONDS):
                    await undo()
                log.info("ended: %s", name)
            except Exception:  # the next steps must run whatever this one does
                log.exception("could not end: %s", name)
                failed.append(name)
        return failed
