"""Figures fit the columns they are made for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.figures import age, clock, count, countdown, dollars, duration, moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.9, "0s"), (12.7, "12s"), (99, "99s"), (100, "1m"), (5_999, "99m"), (9e4, "25h")],
)
def test_age(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(("seconds", "text"), [(-3, "0:00"), (59.1, "1:00"), (271, "4:31"), (6000, "100:00")])
def test_countdown(seconds: float, text: str) -> None:
    assert countdown(seconds) == text


@given(st.integers(0, 10**12))
def test_counts_fit_five_cells(value: int) -> None:
    assert len(count(value)) <= 5


@given(st.floats(0, 3.6e9))
def test_durations_fit_seven_cells(milliseconds: float) -> None:
    assert len(duration(milliseconds)) <= 7


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1.0k"),
        (1234, "1.2k"),
        (9949, "9.9k"),
        (34_000, "34k"),
        (999_600, "1.0M"),
        (5e9, "5.0G"),
    ],
)
def test_count(value: float, shown: str) -> None:
    assert count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.2, "0ms"),
        (42, "42ms"),
        (999.7, "1.0s"),
        (1800, "1.8s"),
        (75_000, "75s"),
        (720_000, "12m"),
        (11_160_000, "3.1h"),
    ],
)
def test_duration(value: float, shown: str) -> None:
    assert duration(value) == shown


def test_dollars() -> None:
    assert [dollars(amount) for amount in (0, 0.004, 0.42, 1234.5)] == ["$0.00", "<$0.01", "$0.42", "$1,234.50"]


def test_times_are_local() -> None:
    assert clock(0.0) in moment(0.0)
    assert ".000" in moment(0.0)
