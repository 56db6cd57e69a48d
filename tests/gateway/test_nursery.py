"""Our own tool servers share what they have loaded, and nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from mcp import ClientSession

from ironcurtain_tui.config import McpServerSettings
from ironcurtain_tui.gateway import upstream
from ironcurtain_tui.gateway.defaults import BUILT_IN, built_in
from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.gateway.servers.__main__ import NICENESS
from ironcurtain_tui.gateway.upstream import ServerState, Upstream

pytestmark = [
    pytest.mark.skipif(not Nursery.is_possible(), reason="the platform has none"),
    pytest.mark.timeout(180),
]

KEY = "sk-ant-api03-key-in-the-environment-of-a-test"


class Brood:
    """All three, out of one nursery."""

    def __init__(self, root: Path) -> None:
        self.nursery = Nursery()
        self.workspace = root / "project"
        self.workspace.mkdir()
        self.changed = asyncio.Event()
        self.states: dict[str, list[ServerState]] = {name: [] for name in BUILT_IN}
        self.servers = {name: self._server(name, root) for name in BUILT_IN}

    def _server(self, name: str, root: Path) -> Upstream:
        log, told, home = root / f"{name}.log", self._told, self.workspace
        return Upstream(name, built_in(name), home, log, told, trusted=True, nursery=self.nursery)

    def _told(self, server: Upstream, state: ServerState, _: str) -> None:
        self.states[server.name].append(state)
        self.changed.set()

    async def up(self, times: int, *names: str) -> None:
        """Wait until each of ``names``, all if none is given, has come up so often."""
        await self.until(
            lambda: all(self.states[name].count(ServerState.UP) == times for name in names or BUILT_IN),
        )

    async def until(self, check: Callable[[], bool]) -> None:
        while not check():
            self.changed.clear()
            await self.changed.wait()

    def pids(self) -> dict[str, int]:
        """Processes of the nursery, by the server each is."""
        mother = self.nursery.pid
        children = Path(f"/proc/{mother}/task/{mother}/children").read_text().split()
        return {Path(f"/proc/{pid}/comm").read_text().strip().removeprefix("mcp-"): int(pid) for pid in children}

    async def close(self) -> None:
        await asyncio.gather(*(server.stop() for server in self.servers.values()))
        await self.nursery.close()


def environment(pid: int | None) -> dict[str, str]:
    words = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(word.split("=", 1) for word in words if word)


async def gone(*pids: int) -> None:
    """Wait until they have ended, whether or not anybody has taken note of it."""
    for pid in pids:
        while _state(pid) != "Z":  # noqa: ASYNC110 (other processes)
            await asyncio.sleep(0.01)


def _state(pid: int) -> str:
    """As in proc(5), Z as well for one that is not there any more."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


@pytest.fixture
async def brood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Brood]:
    monkeypatch.setattr(upstream, "FIRST_DELAY", 0.05)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("SSH_AUTH_SOCK", "/of/a/test")
    made = Brood(tmp_path)
    for server in made.servers.values():
        server.start()
    yield made
    await made.close()


async def test_each_is_a_process_of_its_own_and_none_sees_our_environment(brood: Brood) -> None:
    await brood.up(1)
    pids = brood.pids()
    assert set(pids) == set(BUILT_IN)
    assert all(os.getsid(pid) == pid for pid in pids.values()), "killed with all it started"
    behind = min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    assert all(os.getpriority(os.PRIO_PROCESS, pid) == behind for pid in pids.values())
    assert set(environment(brood.nursery.pid)) == {"PYTHONPATH"}
    workspaces = {Path(f"/proc/{pid}/cwd").readlink() for pid in pids.values()}
    assert workspaces == {brood.workspace}
    (brood.workspace / "note").write_text("read by the server")
    read = await brood.servers["filesystem"].call("read_text_file", {"path": str(brood.workspace / "note")}, None)
    assert "read by the server" in str(read.content)
    tools = [tool.name for tool in await brood.servers["git"].tools()]
    assert "git_push" in tools


async def test_one_that_dies_takes_no_other_with_it_and_comes_back(brood: Brood) -> None:
    await brood.up(1)
    before = brood.pids()
    os.kill(before["fetch"], signal.SIGKILL)
    await brood.up(2, "fetch")
    after = brood.pids()
    assert after["fetch"] != before["fetch"]
    assert (after["git"], after["filesystem"]) == (before["git"], before["filesystem"])
    assert brood.states["git"] == brood.states["filesystem"] == [ServerState.UP]


async def test_without_the_nursery_none_stays_and_all_come_back(brood: Brood) -> None:
    await brood.up(1)
    mother, before = brood.nursery.pid, brood.pids()
    assert mother is not None
    os.kill(mother, signal.SIGKILL)
    await gone(*before.values())
    await brood.up(2)
    assert brood.nursery.pid != mother
    assert set(brood.pids()) == set(BUILT_IN)


async def test_what_is_stopped_leaves_nothing(brood: Brood) -> None:
    await brood.up(1)
    pids = [*brood.pids().values(), brood.nursery.pid]
    await brood.close()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


async def test_one_that_does_not_end_is_killed(brood: Brood) -> None:
    await brood.up(1)
    pid = brood.pids()["git"]
    os.kill(pid, signal.SIGSTOP)
    await brood.servers["git"].stop()
    await gone(pid)


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from ironcurtain_tui.config import Config
from ironcurtain_tui.gateway.defaults import built_in
from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.gateway.servers.__main__ import NICENESS
from ironcurtain_tui.gateway.upstream import Upstream

async def main():
    nursery, place = Nursery(), Path(sys.argv[1])
    told = lambda *_: print(nursery.pid, flush=True)
    Upstream("git", built_in("git"), place, place / "log", told, trusted=True, nursery=nursery).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_all_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SUPERVISOR, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    mother = int(await supervisor.stdout.readline())
    children = Path(f"/proc/{mother}/task/{mother}/children").read_text().split()
    assert len(children) == 1
    supervisor.kill()
    await supervisor.wait()
    await gone(mother, *map(int, children))


async def test_a_server_of_the_person_does_not_come_out_of_it(tmp_path: Path) -> None:
    nursery = Nursery()
    settings = McpServerSettings(command=sys.executable, args=("-c", ""))
    states: asyncio.Queue[ServerState] = asyncio.Queue()
    server = Upstream(
        "git", settings, tmp_path, tmp_path / "log", lambda _, state, __: states.put_nowait(state), nursery=nursery
    )
    server.start()
    assert await states.get() is ServerState.DOWN
    await server.stop()
    assert nursery.pid is None


async def test_one_that_ends_by_itself_takes_no_elder_with_it(tmp_path: Path) -> None:
    nursery, variables = Nursery(), {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    with (tmp_path / "log").open("w") as errors:
        async with (
            nursery.connect("fetch", variables, tmp_path, errors) as streams,
            ClientSession(*streams) as elder,
        ):
            await elder.initialize()
            async with nursery.connect("git", variables, tmp_path, errors) as more, ClientSession(*more) as younger:
                await younger.initialize()
            # The younger one's input is closed, and it has ended.
            assert [tool.name for tool in (await elder.list_tools()).tools] == ["http_fetch"]
    await nursery.close()
    assert (tmp_path / "log").read_text() == ""
