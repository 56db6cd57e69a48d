"""What a session may use of its models: limits, and how what was used stands to them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from ironcurtain_tui.events import ModelSpending, Spending, Value

WARN_AT = 0.8
"""Part of a limit from which it is told."""
MOST_MODELS = 50
"""Of which one session, or day, keeps an account each: some gateways take any name."""
OTHERS = "other models"


class Span(StrEnum):
    SESSION = "session"
    DAY = "day"
    """From midnight to midnight, local time, over all sessions."""


class Unit(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    USD = "usd"
    MINUTES = "minutes"


class Limit(Value, frozen=True):
    """So much, and no more before a person has agreed."""

    span: Span
    unit: Unit
    most: float
    step: float
    """What a person adds by agreeing: the limit as it was set."""

    def raised(self) -> Limit:
        """The limit after a person agreed once more."""
        return msgspec.structs.replace(self, most=self.most + self.step)

    def amount(self, quantity: float) -> str:
        """A quantity of its unit, in words."""
        match self.unit:
            case Unit.USD:
                return f"${quantity:,.2f}"
            case _:
                return f"{quantity:,.0f} {self.unit.value}"

    def stand(self, used: float) -> str:
        """``$5.02 of $5.00 in this session``, ``310 of 300 requests today``."""
        whose = "in this session" if self.span is Span.SESSION else "today"
        shown = self.amount(used) if self.unit is Unit.USD else f"{used:,.0f}"
        return f"{shown} of {self.amount(self.most)} {whose}"


def limits(settings: Mapping[str, float]) -> tuple[Limit, ...]:
    """The limits of a table with names like ``session_usd``; 0 is none."""
    found = []
    for name, most in settings.items():
        span, _, unit = name.partition("_")
        if most > 0:
            found.append(Limit(span=Span(span), unit=Unit(unit), most=most, step=most))
    return tuple(found)


def used(limit: Limit, spending: Spending, minutes: float) -> float:
    """How much of what ``limit`` is about was used. ``minutes``: age of the session."""
    spent = spending.session if limit.span is Span.SESSION else spending.today
    match limit.unit:
        case Unit.REQUESTS:
            return sum(each.requests for each in spent)
        case Unit.TOKENS:
            return sum(each.tokens for each in spent)
        case Unit.USD:
            return sum(each.usd for each in spent)
        case Unit.MINUTES:
            return minutes


def with_call(spent: Sequence[ModelSpending], call: ModelSpending) -> tuple[ModelSpending, ...]:
    """``spent`` after one more call, by model, the dearest first. Models beyond MOST_MODELS are counted together."""
    by_model = {each.model: each for each in spent}
    model = call.model if call.model in by_model or len(by_model) < MOST_MODELS else OTHERS
    before = by_model.get(model, ModelSpending(model=model))
    by_model[model] = ModelSpending(
        model=model,
        requests=before.requests + call.requests,
        tokens=before.tokens + call.tokens,
        usd=before.usd + call.usd,
        unpriced=before.unpriced + call.unpriced,
    )
    return tuple(sorted(by_model.values(), key=lambda each: (-each.usd, -each.tokens, each.model)))
