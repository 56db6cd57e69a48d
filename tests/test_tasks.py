from __future__ import annotations

import asyncio

import pytest

from ironcurtain_tui.tasks import together


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
    async with asyncio.timeout(5):
        await together(met.wait(), met.wait())
