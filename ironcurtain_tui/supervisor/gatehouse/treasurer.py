"""What the session's models use: counted, told, and held up when a budget is used up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import msgspec

from ironcurtain_tui.config import BudgetSettings
from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.events import BadgeState, Card, Decision, Flow, ModelSpending, Spending, SpendingChanged
from ironcurtain_tui.policy import budget
from ironcurtain_tui.policy.action import HttpRequest, Verdict
from ironcurtain_tui.policy.budget import Limit, Unit
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.gatehouse.approvals import Answer
from ironcurtain_tui.supervisor.gatehouse.day_book import DayBook

NO_MODEL = "unknown"
"""Name of the model of a call that did not say."""

IsModelCall = Callable[[str, str, str], bool]
"""Whether a request (host, method, path) is one that a model answers."""

Ask = Callable[[Card], Awaitable[Answer]]
"""Asks a person."""


class Treasurer:
    """Keeps the accounts of one session, and of the day. What is used up is asked about, one question at a time.

    ``book`` is None for a rehearsal, whose tokens nobody pays for.
    """

    def __init__(
        self,
        settings: BudgetSettings,
        book: DayBook | None,
        bulletin: Bulletin,
        is_model_call: IsModelCall,
        *,
        asker: str,
    ) -> None:
        self._limits = list(budget.limits(msgspec.structs.asdict(settings)))
        self._book = book
        self._bulletin = bulletin
        self._is_model_call = is_model_call
        self._asker = asker
        self._began = time.monotonic()
        self._spent: tuple[ModelSpending, ...] = ()
        self._admitted = 0
        """Calls that were let through, over or not."""
        self._told: set[tuple[object, ...]] = set()
        self._asking = asyncio.Lock()
        if self._limits:
            self._show()

    @property
    def spending(self) -> Spending:
        """What was used up to now."""
        return Spending(session=self._spent, today=self._today())

    def count(self, flow: Flow) -> None:
        """An allowed request is over."""
        if not self._is_model_call(flow.host, flow.method, flow.path):
            return
        usage = flow.usage
        call = ModelSpending(
            model=(usage.model if usage else "") or NO_MODEL,
            requests=1,
            tokens=usage.total_tokens if usage else 0,
            usd=flow.cost_usd or 0.0,
            unpriced=1 if usage is not None and flow.cost_usd is None else 0,
        )
        self._spent = budget.with_call(self._spent, call)
        self._write(call)
        if call.unpriced and self._book is not None and any(limit.unit is Unit.USD for limit in self._limits):
            model = call.model if any(each.model == call.model for each in self._spent) else budget.OTHERS
            self._tell_once(
                f"The price of {model} is not known, so the budget in dollars does not count it.",
                "Set a limit in tokens as well.",
            )
        self._show()

    def release(self, asked: HttpRequest | Flow) -> None:
        """What was admitted was never sent: it uses nothing."""
        if self._is_model_call(asked.host, asked.method, asked.path):
            self._admitted -= 1

    async def admit(self, action: HttpRequest, ask: Ask | None) -> Verdict | None:
        """None when the budget leaves room for ``action``, or a person gives it more; else the denial.

        ``ask`` is None when nobody is there.
        """
        if not self._is_model_call(action.host, action.method, action.path):
            return None
        async with self._asking:
            while (limit := next((each for each in self._limits if self._used(each) >= each.most), None)) is not None:
                stand = limit.stand(self._used(limit))
                if ask is None:
                    return _denied(f"the budget is used up ({stand}), and nobody is there to give more", retry=True)
                answer = await ask(cards.of_budget(limit, stand, self.spending, asker=self._asker))
                if not answer.approved:
                    return _denied(f"the budget is used up ({stand}): {answer.reason}", retry=answer.retry)
                self._limits[self._limits.index(limit)] = limit.raised()
                self._show()
            self._admitted += 1
        return None

    def _used(self, limit: Limit) -> float:
        used = budget.used(limit, self.spending, (time.monotonic() - self._began) / 60)
        under_way = self._admitted - sum(each.requests for each in self._spent)
        return used + under_way if limit.unit is Unit.REQUESTS else used

    def _today(self) -> tuple[ModelSpending, ...]:
        if self._book is None:
            return self._spent
        try:
            return self._book.today()
        except OSError as error:
            self._failed(error)
            return self._spent

    def _write(self, call: ModelSpending) -> None:
        if self._book is None:
            return
        try:
            self._book.add(call)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self._tell_once(
            f"What the models of all sessions use today cannot be kept: {error.strerror}.",
            "Limits of a day count this session only until it can.",
        )

    def _show(self) -> None:
        self._bulletin.publish(SpendingChanged(spending=self.spending))
        closest = max(self._limits, key=lambda each: self._used(each) / each.most, default=None)
        if closest is None:
            return
        part = self._used(closest) / closest.most
        stand = closest.stand(self._used(closest))
        state = BadgeState.FAIL if part >= 1 else BadgeState.WARN if part >= budget.WARN_AT else BadgeState.OK
        detail = "; ".join(each.stand(self._used(each)) for each in self._limits)
        self._bulletin.badge("budget", state, f"{part:.0%} of budget", detail)
        if part >= budget.WARN_AT:
            self._tell_once(
                f"The budget is nearly used up: {stand}.",
                "When it is, the next model call waits for you.",
                about=(closest.span, closest.unit, closest.most),
            )

    def _tell_once(self, text: str, remedy: str, about: tuple[object, ...] = ()) -> None:
        key = about or (text,)
        if key not in self._told:
            self._told.add(key)
            self._bulletin.notice(BadgeState.WARN, text, remedy)


def _denied(reason: str, *, retry: bool) -> Verdict:
    return Verdict(decision=Decision.DENY, reason=reason, rule="budget", retry=retry)
