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

    Nor does one that is empty or gone, until it was so at two looks: editors empty a file before they write it, and
    without its rules something might pass that they deny.

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
        self._seen = self._latest = _signature(self._files)
        """What is in force, or was found broken; and what the last look saw."""
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
        waits = now != self._latest and _loses(self._seen, now)
        self._latest = now
        if now == self._seen or waits:
            return
        before = self._policy.current
        try:
            if not await asyncio.to_thread(self._policy.reload, lambda: _signature(self._files) == now):
                return  # it is being written: the next look sees what it is then
            self._seen = now
        except UserFacingError as error:
            self._seen = now
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


def _loses(before: Signature, now: Signature) -> bool:
    """Whether a file that had something in it is empty or gone."""
    sizes = {file: size for file, _, size, _ in now}
    return any(size and not sizes.get(file, 0) for file, _, size, _ in before)


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
