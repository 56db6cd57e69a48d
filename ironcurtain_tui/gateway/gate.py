"""What the gateway asks of whoever decides and records: the supervisor."""

from __future__ import annotations

from typing import Protocol

from ironcurtain_tui.policy.action import ToolCall, Verdict


class Gate(Protocol):
    """Policy and audit. An exception from ``admit`` counts as a refusal."""

    async def admit(self, action: ToolCall) -> Verdict:
        """Decide on ``action`` and record the decision durably before returning.

        May take minutes, when a person decides; only the one call waits. Cancelled when the client cancels the
        call or goes away meanwhile.
        """

    async def refused(self, action: ToolCall, reason: str) -> None:
        """Record that the gateway refused ``action`` by itself, before any policy was asked."""
