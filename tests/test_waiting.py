from __future__ import annotations

import itertools

import pytest

from tests.waiting import until, wait_until


async def test_what_was_waited_for_is_given() -> None:
    looks = itertools.count()
    assert await until(lambda: [look for look in [next(looks)] if look >= 3]) == [3]
    assert wait_until(lambda: [look for look in [next(looks)] if look >= 9]) == [9]


async def test_what_never_comes_is_told_with_what_was_seen_last() -> None:
    screen = "something else"
    with pytest.raises(AssertionError, match=r"\"welcome\" in screen(?s:.*)gave False(?s:.*)screen = 'something else'"):
        await until(lambda: "welcome" in screen, 0.01)
    with pytest.raises(AssertionError, match=r"gave \[\]"):
        wait_until(list, 0.01)


def test_what_came_while_the_machine_slept_is_no_failure() -> None:
    looks = 0

    def at_the_second_look() -> bool:
        nonlocal looks
        looks += 1
        return looks == 2

    assert wait_until(at_the_second_look, 0.0)
