"""The flows of a session whose supervisor is not asked: what it kept, or else what its audit log tells."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from ironcurtain_tui.audit import decisions
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.events import Flow
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.kept_traffic import KeptTraffic


class PastFlows:
    """Read it with ``more``, again and again while the session may still run; ``close`` it."""

    def __init__(self, directory: AuditDirectory, session: str) -> None:
        self._log = directory.log(session)
        self._kept = KeptTraffic(SessionPaths.of(session, directory.root).traffic)
        self._clocks: dict[str, tuple[Flow, int]] = {}

    @property
    def flows(self) -> Collection[Flow]:
        """All that were read, in the order in which they ended."""
        return [flow for flow, _ in self._clocks.values()]

    @property
    def clocked(self) -> Collection[tuple[Flow, int]]:
        """The same, each with the monotonic clock (microseconds) of its beginning."""
        return self._clocks.values()

    async def more(self) -> None:
        """Read what has come. OSError or ChainBroken when that is impossible."""
        found = await self._kept.flows()
        if not found and not self._clocks:
            found = await asyncio.to_thread(self._of_log)
        self._clocks |= {flow.id: (flow, clock) for flow, clock in found}

    def close(self) -> None:
        """Let go of what was read."""
        self._kept.close()

    def _of_log(self) -> list[tuple[Flow, int]]:
        return list(decisions.flows(AuditReader(self._log).poll()))
