"""While the doors are paused no answer of a tool goes into the container; a call can be taken back all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.stage import direct_client, text_of
from tests.gateway.test_upstream import Stage
from tests.waiting import until


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    async with made.stack:
        yield made


async def test_an_answer_waits_until_the_doors_are_open_again(stage: Stage) -> None:
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        assert text_of(await client.call_tool("echo__echo", {"text": "before"})) == "before"
        stage.gate.flowing.clear()
        calling = stage.start(client.call_tool("echo__echo", {"text": "hello"}))
        await until(lambda: len(stage.gate.outcomes) == 2 and stage.gate.held == 1)
        assert not calling.done()
        stage.gate.flowing.set()
        assert text_of(await calling) == "hello"


async def test_a_client_that_leaves_meanwhile_takes_its_call_back(stage: Stage) -> None:
    server = await stage.serve(stage.settings())
    assert stage.gateway is not None
    async with direct_client(stage.socket) as client:
        await client.list_tools()
        calling = stage.start(client.call_tool("echo__wait", {"marker": str(stage.root)}))
        await until((stage.root / "began").exists)
        stage.gate.flowing.clear()
        calling.cancel()
        await asyncio.gather(calling, return_exceptions=True)
    await until((stage.root / "cancelled").exists)
    await until(lambda: stage.gateway is not None and stage.gateway.clients == 0)
    assert stage.gate.outcomes[-1][1].cancelled
    stage.gate.flowing.set()
    await server.stop()
