"""What is ready before a session is known is used by it, or goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.terminal.emulator import ScreenProcess
from tests.waiting import wait_until


@pytest.fixture
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no-engine.sock")


def runs(pid: int | None) -> bool:
    return pid is not None and Path(f"/proc/{pid}").exists()


@pytest.mark.usefixtures("_nowhere")
async def test_unused_it_leaves_no_process() -> None:
    """There is no engine: the rest is ready all the same."""
    ground = Groundwork.lay()
    assert ground.approach is None
    assert ground.screen is not None
    assert ground.view is not None
    pids = [ground.screen.pid]
    if Nursery.is_possible():
        assert ground.nursery is not None
        assert ground.nursery.pid is not None
        pids.append(ground.nursery.pid)
    assert all(map(runs, pids))
    await ground.clear()
    assert not any(map(runs, pids))
    await ground.clear()


@pytest.mark.usefixtures("_nowhere")
async def test_its_screen_process_is_the_sessions_own() -> None:
    ground = Groundwork.lay()
    assert ground.screen is not None
    screen = await ScreenProcess.start(80, 24, started=ground.screen)
    await ground.clear()
    assert runs(ground.screen.pid), "it has been taken over"
    await screen.close()
    wait_until(lambda: not runs(ground.screen.pid) if ground.screen else False)


@pytest.mark.skipif(not Nursery.is_possible(), reason="the platform has none")
@pytest.mark.usefixtures("_nowhere")
async def test_its_nursery_is_the_one_that_servers_come_from(tmp_path: Path) -> None:
    ground = Groundwork.lay()
    nursery = ground.nursery
    assert nursery is not None
    pid = nursery.pid
    with (tmp_path / "log").open("w") as errors:
        async with nursery.connect("git", {"PATH": os.environ["PATH"]}, tmp_path, errors):
            assert nursery.pid == pid
    await ground.clear()
    assert not runs(pid)
