"""The loop breaker, on a clock of the test's."""

from ironcurtain_tui.gateway.breaker import MOST_CALLS, MOST_KNOWN, LoopBreaker
from ironcurtain_tui.policy.action import ToolCall


def call(server: str = "a", tool: str = "t", **arguments: object) -> ToolCall:
    return ToolCall(server=server, tool=tool, arguments=arguments)


def test_twenty_in_a_minute_and_not_one_more() -> None:
    breaker = LoopBreaker()
    assert [breaker.trips(call(x=1), float(second)) for second in range(MOST_CALLS + 1)] == [False] * MOST_CALLS + [
        True
    ]


def test_the_order_of_arguments_makes_no_difference_and_everything_else_does() -> None:
    breaker = LoopBreaker()
    for _ in range(MOST_CALLS):
        breaker.trips(call(x=1, y=2), 0.0)
    assert breaker.trips(call(y=2, x=1), 0.0)
    for other in (call("b", x=1, y=2), call("a", "u", x=1, y=2), call(x=1, y=3), call(x=1), call(x="1", y=2)):
        assert not breaker.trips(other, 0.0)


def test_quiet_opens_it_again_and_hammering_keeps_it_shut() -> None:
    breaker = LoopBreaker()
    for second in range(120):
        tripped = breaker.trips(call(), second / 2)
        assert tripped == (second >= MOST_CALLS)
    assert breaker.trips(call(), 60.0)
    assert not breaker.trips(call(), 121.0)


def test_it_forgets_the_oldest_of_very_many() -> None:
    breaker = LoopBreaker()
    for _ in range(MOST_CALLS):
        breaker.trips(call(), 0.0)
    for number in range(MOST_KNOWN):
        breaker.trips(call(x=number), 0.0)
    assert not breaker.trips(call(), 0.0)
