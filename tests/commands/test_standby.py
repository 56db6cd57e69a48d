"""The spare goes when nobody can call it any more, or nobody who does would be its like."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.commands import standby
from ironcurtain_tui.sessions import spare
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import kin
from tests.waiting import until


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    root = Path("home")  # a short path, however long that of the test is
    paths.private_directory(spare.directory(root))
    monkeypatch.setattr(standby, "CHECK_SECONDS", 0.02)
    with spare.named(root):
        yield root


@pytest.mark.parametrize("reason", ["it has waited long enough", "its name is gone", "its code is old"])
async def test_it_goes_when_it_is_not_wanted(reason: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with asyncio.TaskGroup() as tasks:
        called = tasks.create_task(standby._called(root, kin()))
        socket = spare.directory(root) / call.SOCKET
        await until(socket.exists)
        await asyncio.sleep(0.1)
        assert not called.done(), "it is wanted"
        match reason:
            case "it has waited long enough":
                os.utime(spare.directory(root) / spare.OWNER, (1, 1))
            case "its name is gone":
                (spare.directory(root) / spare.OWNER).unlink()
            case _:
                monkeypatch.setenv("TZ", "Asia/Tokyo")
        assert await called is None
    assert not socket.exists()
