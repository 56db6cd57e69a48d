"""What a person agreed to that no rule is about: tools that a provider runs itself, where nobody here sees them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ironcurtain_tui.audit.log import AuditUnavailable
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.events import Card, Decision
from ironcurtain_tui.policy.action import Action, HttpRequest
from ironcurtain_tui.policy.rules import RequestRule
from ironcurtain_tui.supervisor.gatehouse.approvals import Answer
from ironcurtain_tui.supervisor.gatehouse.leases import Leases


class Consents:
    """Asks once for each thing, one question at a time. A yes is a grant, listed and revocable like any other; a no
    holds for the session.

    ``attended`` tells whether somebody watches: nobody is asked when nobody does, and the answer is no.
    """

    def __init__(
        self,
        ask: Callable[[Action, Card], Awaitable[Answer]],
        leases: Leases,
        *,
        asker: str,
        attended: Callable[[], bool],
        on_unavailable: Callable[[AuditUnavailable], None],
    ) -> None:
        self._ask = ask
        self._leases = leases
        self._asker = asker
        self._attended = attended
        self._on_unavailable = on_unavailable
        self._denied: set[str] = set()
        self._asking = asyncio.Lock()

    async def may_act_unseen(self, action: HttpRequest, provider: str, what: str) -> bool:
        """Whether ``what`` may act at ``provider`` for the model call ``action``."""
        name = f"{provider} may use what cannot be seen from here: {what}"
        if (known := self._known(name)) is not None:
            return known
        async with self._asking:
            if (known := self._known(name)) is not None:
                return known
            card = cards.of_unseen(action, provider, what, asker=self._asker)
            try:
                answer = await self._ask(action, card)
            except AuditUnavailable as error:
                self._on_unavailable(error)
                return False
            if answer.approved:
                rule = RequestRule(
                    name=name, host=action.host, method=action.method, path=action.path, then=Decision.ALLOW
                )
                self._leases.give(rule)
            elif not answer.retry:
                self._denied.add(name)
            return answer.approved

    def _known(self, name: str) -> bool | None:
        """What was said of it, or is said as long as nobody watches; None for what is to be asked."""
        if any(lease.rule.name == name for lease in self._leases.in_force):
            return True
        return False if name in self._denied or not self._attended() else None
