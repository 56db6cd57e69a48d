"""Notices that a policy file was changed, and puts it in force if it is sound."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.policy.action import Tunnel
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.live_policy import LivePolicy

SECONDS = 1.0
"""Between two looks."""

Record = Callable[[str, str, object], Awaitable[None]]
Signature = tuple[tuple[str, int, int, int], ...]


class PolicyWatch:
    """Looks at files once a second; says and records what came of a change. A broken file changes nothing.

    ``files``: policy files, and directories whose ``*.toml`` belong to the policy too. ``cut`` ends the connections
    to a host.
    """

    def __init__(
        self,
        policy: LivePolicy,
        files: Iterable[Path],
        bulletin: Bulletin,
        record: Record,
        cut: Callable[[str], None],
    ) -> None:
        self._policy = policy
        self._files = tuple(files)
        self._bulletin = bulletin
        self._record = record
        self._cut = cut
        self._seen = _signature(self._files)
        self._warned = False

    async def run(self) -> None:
        """Until cancelled."""
        self._warn()
        while True:
            await asyncio.sleep(SECONDS)
            await self.look()

    async def look(self) -> None:
        """Read the policy again if a file is another one by now."""
        now = await asyncio.to_thread(_signature, self._files)
        if now == self._seen:
            return
        self._seen = now
        before = self._policy.current
        try:
            await asyncio.to_thread(self._policy.reload)
        except UserFacingError as error:
            self._bulletin.notice(BadgeState.FAIL, f"{error.message} The policy from before stays.", error.remedy)
            await self._record("policy.refused", error.message, {})
            return
        if self._policy.current != before:
            self._end_blind(before.blind)
            self._warn()
            rules = [f"{placed.label}: {placed.rule.then}" for placed in self._policy.current.rules]
            self._bulletin.notice(BadgeState.OK, f"The policy was changed: {len(rules)} rules hold now.")
            await self._record("policy.loaded", f"{len(rules)} rules hold now", {"rules": rules})

    def _end_blind(self, places: Iterable[str]) -> None:
        """Cut what passes unread by the policy from before alone: no request inside will ever be judged."""
        for host, _, port in (place.rpartition(":") for place in places):
            if not self._policy.decide(Tunnel(host=host, port=int(port))).blind:
                self._cut(host)

    def _warn(self) -> None:
        """A badge for as long as something may pass unread."""
        blind = self._policy.current.blind
        if blind:
            detail = f"Passed on unread, as the policy says: {', '.join(blind)}."
            self._bulletin.badge("blind", BadgeState.WARN, "BLIND TUNNELS", detail)
        elif self._warned:
            self._bulletin.badge("blind", BadgeState.OK, "no blind tunnels", "Everything is read again.")
        self._warned = bool(blind)


def _signature(files: Iterable[Path]) -> Signature:
    """Different when a file was changed, appeared or went."""
    found = [each for file in files for each in (sorted(file.glob("*.toml")) if file.is_dir() else [file])]
    signature = []
    for file in found:
        try:
            status = file.stat()
        except OSError:
            continue
        signature.append((str(file), status.st_mtime_ns, status.st_size, status.st_ino))
    return tuple(signature)
