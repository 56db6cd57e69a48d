"""A real engine, a session's directories, and stand-ins for the supervisor's two doors."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.environment import door_environment
from ironcurtain_tui.containers.failures import EngineUnavailableError
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.network import SessionNetwork
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.containers.spec import ENTRYPOINT, TESTED_ENTRYPOINT, ContainerSpec
from tests.containers.fake_engine import FakeEngine

Create = Callable[..., AgentContainer]
Judge = Callable[..., SelfTestReport]
UID, GID = (12345, 12346) if os.geteuid() == 0 else (os.geteuid(), os.getegid())
"""Whom the agent runs as; for root, somebody no image knows."""


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    try:
        found = Engine.connect()
    except EngineUnavailableError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(error.message)
    yield found
    found.close()


@pytest.fixture
def fake_engine() -> Iterator[FakeEngine]:
    fake = FakeEngine()
    yield fake
    fake.close()


@pytest.fixture(scope="session")
def shell_image(engine: Engine) -> str:
    return ensure_image(engine, "shell", lambda _: None)


class Doors:
    """The sockets directory of a session and what answers in it."""

    def __init__(self, root: Path) -> None:
        self.sockets = root / "sockets"
        self.workspace = root / "workspace"
        for directory in (self.sockets, self.workspace):
            directory.mkdir()
            directory.chmod(0o755)
        os.chown(self.workspace, UID, GID)
        self.connects: list[str] = []
        """First lines that came to the proxy door."""

    async def proxy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects.append((await reader.readline()).decode().strip())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async def mcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = await reader.readline()
        if line.startswith(b"{"):  # and not a token, which this door does not want
            request = json.loads(line)
            answer = {"jsonrpc": "2.0", "id": request["id"], "result": {"protocolVersion": "2025-06-18"}}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        writer.close()


@pytest.fixture
def doors() -> Iterator[Doors]:
    root = Path(tempfile.mkdtemp(prefix="ic-"))  # short: socket paths have a limit
    root.chmod(0o755)
    yield Doors(root)
    shutil.rmtree(root)


@pytest.fixture
async def open_doors(doors: Doors) -> AsyncIterator[Doors]:
    proxy = await asyncio.start_unix_server(doors.proxy, doors.sockets / "proxy.sock")
    mcp = await asyncio.start_unix_server(doors.mcp, doors.sockets / "mcp.sock")
    for door in doors.sockets.glob("*.sock"):
        door.chmod(0o666)
    async with proxy, mcp:
        yield doors


@pytest.fixture
def create(engine: Engine, shell_image: str, doors: Doors) -> Iterator[Create]:
    """Creates containers on the session's directories, without the self-test; all are removed at the end."""
    created: list[AgentContainer] = []

    def create(*command: str, **changes: object) -> AgentContainer:
        fields: dict[str, object] = {
            "session_id": secrets.token_hex(6),
            "image": shell_image,
            "command": command,
            "env": door_environment(),
            "sockets_dir": doors.sockets,
            "workspace": doors.workspace,
            "uid": UID,
            "gid": GID,
            "entrypoint": (ENTRYPOINT,),
        }
        created.append(engine.create(ContainerSpec(**(fields | changes))))  # type: ignore[arg-type]
        return created[-1]

    yield create
    for container in created:
        container.remove()


@pytest.fixture
def judge(engine: Engine, create: Create, doors: Doors) -> Judge:
    """What the self-test says of a container, on a session's network if there is one."""

    def judge(network: SessionNetwork | None = None, **changes: object) -> SelfTestReport:
        if network is not None:
            session = network.name.removeprefix("ironcurtain-")
            changes = {"session_id": session, "network": network.agents_part, **changes}
        container = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT, **changes)
        return SelfTest(engine, doors.sockets, network).run(container)

    return judge
