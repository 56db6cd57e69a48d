from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import ModelSpending, Spending
from ironcurtain_tui.policy import budget
from ironcurtain_tui.policy.budget import Limit, Span, Unit

CALLS = st.lists(
    st.builds(
        ModelSpending,
        model=st.sampled_from("abc"),
        requests=st.just(1),
        tokens=st.integers(0, 10**9),
        usd=st.integers(0, 1000).map(lambda cents: cents / 4),
        unpriced=st.integers(0, 1),
    )
)


@given(CALLS)
def test_the_sum_over_models_is_the_sum_over_calls(calls: list[ModelSpending]) -> None:
    spent: tuple[ModelSpending, ...] = ()
    for call in calls:
        spent = budget.with_call(spent, call)
    assert len(spent) == len({each.model for each in calls})
    for name in ("requests", "tokens", "usd", "unpriced"):
        assert sum(getattr(each, name) for each in spent) == sum(getattr(each, name) for each in calls)
    assert [each.usd for each in spent] == sorted((each.usd for each in spent), reverse=True)


def test_an_agent_that_makes_up_models_opens_no_account_for_each() -> None:
    spent: tuple[ModelSpending, ...] = ()
    for number in range(10 * budget.MOST_MODELS):
        spent = budget.with_call(spent, ModelSpending(model=f"m{number}", requests=1, tokens=number))
    assert len(spent) == budget.MOST_MODELS + 1
    assert spent[0].model == budget.OTHERS
    assert sum(each.requests for each in spent) == 10 * budget.MOST_MODELS


def test_limits_are_read_from_their_names_and_zero_is_none() -> None:
    found = budget.limits({"session_usd": 5.0, "session_tokens": 0, "day_requests": 10, "session_minutes": 30})
    assert [(each.span, each.unit, each.most) for each in found] == [
        (Span.SESSION, Unit.USD, 5.0),
        (Span.DAY, Unit.REQUESTS, 10),
        (Span.SESSION, Unit.MINUTES, 30),
    ]


def test_each_limit_counts_its_own() -> None:
    spending = Spending(
        session=(ModelSpending(model="a", requests=2, tokens=30, usd=0.5), ModelSpending(model="b", requests=1)),
        today=(ModelSpending(model="a", requests=20, tokens=300, usd=5.0),),
    )
    used = {
        f"{limit.span}_{limit.unit}": budget.used(limit, spending, minutes=7.5)
        for limit in (Limit(span=span, unit=unit, most=1, step=1) for span in Span for unit in Unit)
    }
    assert used["session_requests"] == 3
    assert used["session_tokens"] == 30
    assert used["session_usd"] == 0.5
    assert used["session_minutes"] == 7.5
    assert (used["day_requests"], used["day_tokens"], used["day_usd"]) == (20, 300, 5.0)


def test_a_limit_is_raised_by_what_it_was() -> None:
    limit = Limit(span=Span.SESSION, unit=Unit.USD, most=5.0, step=5.0)
    assert limit.raised().raised().most == 15.0
    assert limit.stand(5.02) == "$5.02 of $5.00 in this session"
    tokens = Limit(span=Span.DAY, unit=Unit.TOKENS, most=1_000_000, step=1_000_000)
    assert tokens.stand(1234567) == "1,234,567 of 1,000,000 tokens today"
