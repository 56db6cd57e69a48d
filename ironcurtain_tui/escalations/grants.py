"""Standing permissions of this session: what they cover, how long they last, how often they may still be used."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from ironcurtain_tui.events import Grant, Value
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.policy.rules import RequestRule, Rule

Covers = Callable[[Rule, Action], bool]
"""Whether a rule would allow an action that the policy escalates."""


class Lease(Value, frozen=True):
    """A grant. ``expires`` in seconds since the epoch; None for no limit, as with ``uses_left``."""

    id: str
    rule: Rule
    given: float
    expires: float | None = None
    uses_left: int | None = None

    @property
    def host(self) -> str | None:
        """The host whose connections rest on it."""
        return self.rule.host if isinstance(self.rule, RequestRule) and isinstance(self.rule.host, str) else None

    def in_force(self, now: float) -> bool:
        """Whether it still covers anything at ``now``."""
        return (self.expires is None or now < self.expires) and self.uses_left != 0

    def shown(self, connections: int = 0) -> Grant:
        """The lease as viewers see it."""
        return Grant(
            id=self.id,
            covers=self.rule.name,
            given=self.given,
            expires=self.expires,
            uses_left=self.uses_left,
            connections=connections,
        )


def use(leases: Iterable[Lease], action: Action, now: float, covers: Covers) -> tuple[tuple[Lease, ...], Lease | None]:
    """The leases in force after one of them was used for ``action``, and that one; None when none covers it.

    One that is not counted is preferred to one that is.
    """
    alive = [lease for lease in leases if lease.in_force(now)]
    covering = [lease for lease in alive if covers(lease.rule, action)]
    if not covering:
        return tuple(alive), None
    used = next((lease for lease in covering if lease.uses_left is None), covering[0])
    if used.uses_left is not None:
        used = msgspec.structs.replace(used, uses_left=used.uses_left - 1)
    after = tuple(used if lease.id == used.id else lease for lease in alive)
    return tuple(lease for lease in after if lease.in_force(now)), used
