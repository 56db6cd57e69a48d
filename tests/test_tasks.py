from __future__ import annotations

import asyncio

import pytest

from ironcurtain_tui import tasks
from ironcurtain_tui.tasks import together
from tests.waiting import PATIENCE


async def test_work_side_by_side_ends_even_when_other_work_fails() -> None:
    failed, done = asyncio.Event(), []

    async def fail(text: str) -> None:
        failed.set()
        raise ValueError(text)

    async def finish() -> None:
        await failed.wait()
        await asyncio.sleep(0)
        done.append("finished")

    with pytest.raises(ValueError, match="first"):
        await together(finish(), fail("first"), fail("second"))
    assert done == ["finished"]


async def test_work_side_by_side_waits_for_each_other() -> None:
    met = asyncio.Barrier(2)
    async with asyncio.timeout(PATIENCE):
        await together(met.wait(), met.wait())


async def test_a_task_that_swallows_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "CANCEL_SECONDS", 0.05)
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed == 2:
                    raise

    owner = tasks.TaskOwner()
    owner.start(stubborn(), "stubborn")
    await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        await owner.close()
    assert swallowed == 2
