"""What the gateway asks of whoever decides and records: the supervisor."""

from __future__ import annotations

from typing import Protocol

from ironcurtain_tui.events import Value
from ironcurtain_tui.policy.action import ToolCall, Verdict


class Outcome(Value, frozen=True):
    """What became of a call that was admitted."""

    is_error: bool
    cancelled: bool = False
    """The agent took it back or went away; it may have had its effect all the same."""
    size: int = 0
    """Bytes of the result as JSON, before paths in it were translated."""
    sha256: str = ""
    """Of the same bytes, hexadecimal."""
    ms: float = 0.0


class Gate(Protocol):
    """Policy and audit. An exception from ``admit`` counts as a refusal."""

    async def admit(self, action: ToolCall) -> Verdict:
        """Decide on ``action`` and record the decision durably before returning.

        May take minutes, when a person decides; only the one call waits. Cancelled when the client cancels the
        call or goes away meanwhile.
        """

    async def unpaused(self) -> None:
        """Return when the doors are not paused: until then nothing may pass, in neither direction."""

    async def refused(self, action: ToolCall, reason: str) -> None:
        """Record that the gateway refused ``action`` by itself, before any policy was asked."""

    async def done(self, action: ToolCall, outcome: Outcome) -> None:
        """Record what became of ``action``, which was admitted."""
