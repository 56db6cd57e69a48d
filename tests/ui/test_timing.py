"""Bars of time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.ui.timing import RECEIVING, WAITING, bar

from .scripted_session import flow

MS = st.none() | st.floats(0, 1e7)


def test_waiting_then_receiving() -> None:
    assert bar(flow(1, first_byte_ms=500.0, total_ms=1000.0), 2000.0, 8) == "░░██"


def test_nothing_is_known_yet() -> None:
    assert bar(flow(1, first_byte_ms=None, total_ms=None), 2000.0, 8) == ""


@given(MS, MS, st.floats(0, 1e7), st.integers(1, 40))
def test_it_fits_and_never_shows_data_before_waiting(
    first: float | None, total: float | None, longest: float, cells: int
) -> None:
    drawn = bar(flow(1, first_byte_ms=first, total_ms=total), longest, cells)
    assert len(drawn) <= cells
    assert f"{RECEIVING}{WAITING}" not in drawn
