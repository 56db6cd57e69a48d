"""The spare goes when nobody can call it any more, or nobody who does would be its like."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.commands import standby
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import memory, spare
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import kin
from ironcurtain_tui.supervisor.approach import Approach
from tests.conftest import engine_or_skip
from tests.waiting import until


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    root = Path("home")  # a short path, however long that of the test is
    paths.private_directory(spare.directory(root))
    monkeypatch.setattr(standby, "CHECK_SECONDS", 0.02)
    with spare.named(root):
        yield root


@pytest.mark.parametrize(
    "reason", ["it has waited long enough", "its name is gone", "surroundings have changed", "too little memory"]
)
async def test_it_goes_when_it_is_not_wanted(
    reason: str, root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    available = [spare.STAYS_FROM]
    monkeypatch.setattr(memory, "available", lambda: available[0])
    async with asyncio.TaskGroup() as tasks:
        called = tasks.create_task(standby._called(root, kin()))
        place = spare.directory(root) / call.SOCKET
        await until(place.exists)
        await asyncio.sleep(0.1)
        assert not called.done(), "it is wanted"
        match reason:
            case "it has waited long enough":
                slept = spare.clock() + spare.WAIT_SECONDS
                monkeypatch.setattr(spare, "clock", lambda: slept)
            case "its name is gone":
                (spare.directory(root) / spare.OWNER).unlink()
            case "surroundings have changed":
                monkeypatch.setenv("TZ", "Asia/Tokyo")
            case _:
                available[0] -= 1
        assert await called is None
    assert not place.exists()
    assert reason in caplog.text


async def test_who_calls_second_does_not_wait_until_the_first_has_said_something(root: Path) -> None:
    async with asyncio.TaskGroup() as tasks:
        called = tasks.create_task(standby._called(root, kin()))
        place = spare.directory(root) / call.SOCKET
        await until(place.exists)
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(place))
            line = await called
            assert line is not None
            line.close()
    assert not place.exists()


@pytest.mark.parametrize("day", [0.0, 4e9], ids=["put back", "put forward"])
async def test_a_clock_that_is_set_ends_nothing_and_prolongs_nothing(
    day: float, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    until = spare.clock() + spare.WAIT_SECONDS
    monkeypatch.setattr(time, "time", lambda: day)
    spare.renew(root)
    assert not standby._unwanted(root, kin())
    waits = spare.Spare.read(root)
    assert waits is not None
    assert until <= waits.until <= spare.clock() + spare.WAIT_SECONDS


def test_where_memory_is_short_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    monkeypatch.setattr(memory, "available", lambda: spare.STAYS_FROM - 1)
    with pytest.raises(UserFacingError, match="Less than 512 MiB"):
        standby.run(argparse.Namespace(end=False))
    assert spare.present(tmp_path) is None


@pytest.mark.engine
async def test_told_to_end_while_it_prepares_it_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_or_skip()
    engine = Engine.connect()
    ensure_image(engine, "base", lambda _: None)
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    paths.private_directory(spare.directory(tmp_path))
    prepare, made = Approach.prepare, list[Approach]()

    def prepare_and_be_told(*arguments: Any) -> Approach:
        os.kill(os.getpid(), signal.SIGTERM)
        made.append(prepare(*arguments))
        return made[0]

    monkeypatch.setattr(Approach, "prepare", prepare_and_be_told)
    monkeypatch.setattr(standby, "_load", lambda: None)
    async with asyncio.TaskGroup() as tasks:
        lives = tasks.create_task(standby._live(tmp_path, kin()))
    assert lives.cancelled()
    assert made[0].namespace.holder.id not in {one.id for one in engine.find_owned()}
    assert spare.present(tmp_path) is None
