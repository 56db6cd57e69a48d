"""A short soak; the long one is `python -m benchmarks soak`."""

from __future__ import annotations

import sys

import pytest

from benchmarks.soak import soak

GROWTH_MB = 24
"""What a process may grow after its first thousand requests: what is kept of flows and records is bounded, but fills
until some twenty thousand; from then on it stands still, as the long soak shows."""
KEPT_OPEN = 4
"""Descriptors that the traffic that is kept takes with its first request: its file, and two pipes to its reader."""


@pytest.mark.skipif(sys.platform != "linux", reason="measured below /proc")
@pytest.mark.timeout(300)
def test_nothing_is_lost_and_nothing_grows() -> None:
    load = soak(requests=3000, streams=40)
    assert load.vanished > 10
    assert load.streamed >= 40
    assert load.resident[-1] - load.resident[len(load.resident) // 3] < GROWTH_MB
    assert load.descriptors[1] <= load.descriptors[0] + KEPT_OPEN
