"""What a container may use, as it is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.config import ContainerSettings
from ironcurtain_tui.containers import spec as spec_module
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.limits import Limits, remedy
from ironcurtain_tui.containers.spec import GIB, HostLimits, clamped_cpus
from tests.containers.conftest import Create


def test_what_fits_is_not_lowered() -> None:
    limits = Limits.on(HostLimits(8, 32 * GIB), ContainerSettings(memory="4GiB", cpus=2.0, pids=512))
    assert limits.lowered == ()
    assert limits.short == "2 CPUs 4 GiB"
    assert limits.words == "at most 2 CPUs, 4 GiB of memory and 512 processes"


def test_a_core_and_a_quarter_of_the_memory_are_left_to_the_machine() -> None:
    limits = Limits.on(HostLimits(2, 4 * GIB), ContainerSettings(memory="8GiB", cpus=3.0, pids=64))
    assert (limits.cpus, limits.memory_bytes) == (1.0, 3 * GIB)
    assert limits.short == "1 CPU 3 GiB"
    assert "8 GiB were asked for, of 4 GiB; 3 CPUs were asked for, of 2" in limits.words


def test_nobody_is_told_that_numbers_of_ours_were_lowered() -> None:
    limits = Limits.on(HostLimits(2, 4 * GIB), ContainerSettings())
    assert limits.words == "at most 1 CPU, 3 GiB of memory and 512 processes"


@pytest.mark.parametrize(
    ("unheld", "short", "words"),
    [
        (
            ("CPU time",),
            "4 GiB",
            "at most 4 GiB of memory and 512 processes; the engine cannot limit CPU time here",
        ),
        (
            ("memory", "CPU time"),
            "no limits",
            "at most 512 processes; the engine cannot limit CPU time and memory here",
        ),
        (
            ("memory", "processes", "CPU time"),
            "no limits",
            "the engine cannot limit CPU time, memory and processes here",
        ),
    ],
)
def test_what_does_not_hold_is_not_claimed(unheld: tuple[str, ...], short: str, words: str) -> None:
    limits = Limits.on(HostLimits(8, 32 * GIB, unheld), ContainerSettings(memory="4GiB", cpus=2.0, pids=512))
    assert (limits.short, limits.words) == (short, words)


@given(st.floats(min_value=0.01, max_value=1024), st.integers(min_value=1, max_value=512))
def test_a_core_is_left_wherever_there_is_another(wanted: float, cores: int) -> None:
    allowed = clamped_cpus(wanted, HostLimits(cores, GIB))
    assert 0.01 <= allowed <= max(cores - 1, 0.5)
    assert allowed == wanted or allowed < wanted


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        ("Range of CPUs is from 0.01 to 8.00, as there are only 8 CPUs available", "cpus = 7 "),
        ("range of cpus is from 0.01 to 1.00, as there are only 1 CPUs available", "cpus = 0.5 "),
        ("Minimum memory limit allowed is 6MB", "more than 6MB"),
        ("Minimum memory limit allowed is 6 MB", "more than 6 MB"),
        ("no such image", ""),
    ],
)
def test_the_engines_refusals_become_advice(refusal: str, advice: str) -> None:
    told = remedy(f"The engine could not create the agent's container: {refusal}")
    assert advice in told
    assert bool(told) is bool(advice)


@pytest.mark.engine
def test_the_engine_refuses_in_these_words(create: Create, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec_module, "clamped_cpus", lambda wanted, _: wanted)
    with pytest.raises(EngineRefusedError) as caught:
        create(command=("true",), cpus=10_000.0)
    assert "cpus = " in caught.value.remedy
