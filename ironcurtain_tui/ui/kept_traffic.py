"""What is kept of a session's flows, read in a thread of its own so that the screen never waits for the disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ironcurtain_tui.events import Flow
from ironcurtain_tui.traffic.kept import KeptFlow
from ironcurtain_tui.traffic.reader import TrafficReader
from ironcurtain_tui.ui.flow_filter import FlowTest


class KeptTraffic:
    """``close`` it."""

    def __init__(self, directory: Path) -> None:
        self._reader = TrafficReader(directory)
        self._new: list[tuple[Flow, int]] = []
        self._thread = ThreadPoolExecutor(1, "kept-traffic")

    def close(self) -> None:
        """Let go of the thread, once what runs is done."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def flows(self) -> list[tuple[Flow, int]]:
        """Those that were finished since the last call, each with the monotonic clock of its beginning.

        OSError when they cannot be read.
        """
        return await self._run(self._take_new)

    async def read(self, flow: str) -> KeptFlow | None:
        """All that is kept of a flow; None when nothing is."""
        return await self._run(lambda: self._find(flow))

    async def matching(self, test: FlowTest, flows: Sequence[Flow]) -> frozenset[str]:
        """Ids of the flows that fit."""
        return await self._run(lambda: frozenset(flow.id for flow in flows if test(flow, partial(self._find, flow.id))))

    async def write(
        self,
        path: Path,
        form: Callable[[Iterable[tuple[Flow, KeptFlow | None]]], Iterator[bytes]],
        flows: Sequence[Flow],
    ) -> None:
        """Write flows to a new file of their owner's. OSError when that is impossible."""
        await self._run(lambda: _write(path, form((flow, self._find(flow.id)) for flow in flows)))

    def _find(self, flow: str) -> KeptFlow | None:
        found = self._reader.read(flow)
        if found is None:
            self._new += self._reader.poll()
            found = self._reader.read(flow)
        return found

    def _take_new(self) -> list[tuple[Flow, int]]:
        new, self._new = [*self._new, *self._reader.poll()], []
        return new

    async def _run[T](self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(pieces)
