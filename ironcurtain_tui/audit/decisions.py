"""What was decided in a session, read back from its records. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ironcurtain_tui.audit.chain import Record
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import Action
from ironcurtain_tui.policy.suggest import Decided

KINDS = frozenset({"request", "tunnel", "tool"})
"""Kinds of the records that carry an action and its verdict."""


def decided(records: Iterable[Record]) -> Iterator[Decided]:
    """Every action that was allowed or denied, in order. What another version wrote differently is left out."""
    for record in records:
        if record.kind in KINDS and record.decision in (Decision.ALLOW, Decision.DENY):
            try:
                action: Action = msgspec.convert(record.data.get("action"), Action)
            except msgspec.ValidationError:
                continue
            # Only what a person approved is bound to a digest.
            yield Decided(action=action, decision=Decision(record.decision), asked=bool(record.data.get("digest")))
