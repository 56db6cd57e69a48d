"""What the proxy asks of whoever decides and records: the supervisor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Flow
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict

Publish = Callable[[Flow], None]
"""Told of every change of a flow. Must return at once."""


class Gate(Protocol):
    """Policy, person and audit. An exception from ``admit`` or ``ask`` counts as a refusal."""

    async def admit(self, action: HttpRequest | Tunnel) -> Verdict:
        """Decide on ``action`` and record the decision durably before returning.

        May take minutes; only the one request waits. ESCALATE means that a person must see what is asked: a
        tunnel may be opened to find out, a request must be read as a whole and brought to ``ask``.
        """

    async def unpaused(self) -> None:
        """Return when the doors are not paused: until then nothing may pass, in neither direction."""

    async def ask(self, request: HeldRequest) -> Verdict:
        """Decide on a whole request. Never ESCALATE.

        May take minutes, when a person decides; only the one request waits. Cancelled when the agent hangs up
        meanwhile.
        """

    async def refused(self, action: HttpRequest | Tunnel, reason: str) -> None:
        """Record that the proxy refused ``action`` by itself, before any policy was asked.

        ``action`` is what could be read of a request that may be malformed: fields may be empty.
        """

    def looked_up(self, action: HttpRequest, trouble: str) -> None:
        """Record what became of an admitted request that the proxy made by itself; ``trouble`` is empty without any."""

    async def held_back(self, action: HttpRequest, hidden: tuple[str, ...]) -> None:
        """Record what was taken out of a package's metadata, each with the reason."""

    async def may_act_unseen(self, action: HttpRequest, provider: str, what: str) -> bool:
        """Whether ``what`` may act at ``provider``, where nobody here sees it. May take minutes: a person is asked."""

    async def tripped(self, action: HttpRequest | Tunnel, reason: str) -> None:
        """The same, and a person must hear of it: a key was about to go where it has no business."""
