"""The corpus, and a short guided run on top of it. `python -m tests.fuzz --seconds 60` goes on."""

from __future__ import annotations

import json

import pytest

from .__main__ import seeds
from .guided import Failure, Fuzzer
from .targets import TARGETS

RUNS = 400


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_breaks_it(name: str) -> None:
    target = TARGETS[name]
    fuzzer = Fuzzer(target.check, seeds(name), target.words, seed=1)
    assert fuzzer.run(lambda count: count < RUNS) == RUNS
    assert fuzzer.coverage.lines > 0


def test_it_finds_its_way_by_coverage() -> None:
    """From an empty body to code that lies behind several conditions; each step on the way is kept."""
    target = TARGETS["body-messages"]
    fuzzer = Fuzzer(target.check, [b"{}"], target.words, seed=2)
    with fuzzer.coverage.on():
        target.check(b"{}")
    shallow = fuzzer.coverage.lines
    fuzzer.run(lambda count: count < 3000)
    assert fuzzer.coverage.lines > 2 * shallow
    assert len(fuzzer.found) > 2


def test_a_finding_is_raised_with_its_input() -> None:
    def no_zero(data: bytes) -> None:
        json.dumps(1 // (0 if b"null" in data else 1))

    with pytest.raises(Failure, match="ZeroDivisionError") as failure:
        Fuzzer(no_zero, [b"x"], [], seed=3).run(lambda count: count < 10_000)
    assert b"null" in failure.value.data
