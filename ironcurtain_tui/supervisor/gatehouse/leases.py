"""The grants of a session, with clock and viewers: the edge around escalations/grants.py."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable

from ironcurtain_tui.escalations import grants
from ironcurtain_tui.escalations.grants import Covers, Lease
from ironcurtain_tui.events import GrantsChanged
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.policy.rules import RequestRule, Rule

LONGEST_MINUTES = 24 * 60
MOST_USES = 10_000


class Leases:
    """All grants in force. ``connections`` tells how many live connections lead to a host, ``cut`` ends them.

    ``covers`` is the policy's say on whether a rule lifts an escalation: no grant lifts a denial.
    """

    def __init__(
        self,
        publish: Callable[[GrantsChanged], None],
        connections: Callable[[str], int],
        cut: Callable[[str], None],
        covers: Covers,
    ) -> None:
        self._publish = publish
        self._connections = connections
        self._cut = cut
        self._covers = covers
        self._leases: tuple[Lease, ...] = ()
        self._told = GrantsChanged(grants=())
        self._timer: asyncio.TimerHandle | None = None
        self._numbers = itertools.count(1)

    @property
    def in_force(self) -> tuple[Lease, ...]:
        """What covers something now."""
        now = time.time()
        return tuple(lease for lease in self._leases if lease.in_force(now))

    def give(self, rule: Rule, *, minutes: int = 0, uses: int = 0) -> Lease:
        """A new grant of what ``rule`` allows; for the whole session when neither ``minutes`` nor ``uses`` limit it."""
        now = time.time()
        lease = Lease(
            id=f"g{next(self._numbers)}",
            rule=rule,
            given=now,
            expires=now + 60 * min(minutes, LONGEST_MINUTES) if minutes > 0 else None,
            uses_left=min(uses, MOST_USES) if uses > 0 else None,
        )
        self._leases = (*self._leases, lease)
        self.refresh()
        return lease

    def lead_to(self, host: str, port: int) -> bool:
        """Whether a grant is about this host, which is lower case."""
        return any(isinstance(each.rule, RequestRule) and each.rule.leads_to(host, port) for each in self.in_force)

    def use(self, action: Action) -> Lease | None:
        """Count one use of whichever grant covers ``action``; None when none does."""
        self.refresh()
        self._leases, used = grants.use(self._leases, action, time.time(), self._covers)
        if used is not None:
            self.refresh()
        return used

    def revoke(self, name: str) -> tuple[Lease, ...]:
        """Take back the grant of this id (all when it is empty) and cut what rests on it. What was taken back."""
        taken = tuple(lease for lease in self._leases if not name or lease.id == name)
        self._leases = tuple(lease for lease in self._leases if lease not in taken)
        self._cut_idle_hosts(taken)
        self.refresh()
        return taken

    def refresh(self) -> None:
        """Drop what has run out, cut what rested on it, and tell viewers if anything is different now."""
        alive = self.in_force
        ended = tuple(lease for lease in self._leases if lease not in alive and lease.uses_left != 0)
        self._leases = alive
        self._cut_idle_hosts(ended)
        shown = tuple(lease.shown(self._connections(lease.host) if lease.host else 0) for lease in alive)
        if shown != self._told.grants:
            self._told = GrantsChanged(grants=shown)
            self._publish(self._told)
        self._arm()

    def close(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut_idle_hosts(self, ended: tuple[Lease, ...]) -> None:
        """End the connections to hosts for which no other grant is left."""
        kept = {lease.host for lease in self._leases}
        for host in {lease.host for lease in ended} - kept:
            if host is not None:
                self._cut(host)

    def _arm(self) -> None:
        self.close()
        due = min((lease.expires for lease in self._leases if lease.expires is not None), default=None)
        if due is not None:
            self._timer = asyncio.get_running_loop().call_later(max(0.01, due - time.time()), self.refresh)
