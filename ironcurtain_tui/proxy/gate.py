"""What the proxy asks of whoever decides and records: the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ironcurtain_tui.events import Flow
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict

Publish = Callable[[Flow], None]
"""Told of every change of a flow. Must return at once."""


class Gate(Protocol):
    """Policy and audit. An exception from either method counts as a refusal."""

    async def admit(self, action: HttpRequest | Tunnel) -> Verdict:
        """Decide on ``action`` and record the decision durably before returning.

        May take minutes, when a person decides; only the one request waits. Cancelled when the agent
        hangs up meanwhile.
        """

    async def refused(self, action: HttpRequest | Tunnel, reason: str) -> None:
        """Record that the proxy refused ``action`` by itself, before any policy was asked.

        ``action`` is what could be read of a request that may be malformed: fields may be empty.
        """
