"""Real Claude Code in its real container, between the scripted model and the gateway. Only the proxy is a stand-in."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.agents import AgentContext, agent
from ironcurtain_tui.agents.base import orientation
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.environment import door_environment
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.spec import ENTRYPOINT, ContainerSpec
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway.orientation import Orientation
from ironcurtain_tui.gateway.server import Gateway
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.policy.action import ToolCall, Verdict
from ironcurtain_tui.rehearsal.model import RehearsalModel
from tests.conftest import engine_or_skip

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

KEY = "sk-ant-api03-ironcurtain-rehearsal-0123456789abcdef"
AGENT = (os.geteuid(), os.getegid()) if os.geteuid() else (12345, 12345)
"""uid and gid of the agent: never root."""
TURN_SECONDS = 180
"""A loaded machine needs a hundred times what a quiet one does."""


class Admitting:
    async def admit(self, action: ToolCall) -> Verdict:
        return Verdict(decision=Decision.ALLOW)

    async def refused(self, action: ToolCall, reason: str) -> None:
        raise AssertionError(reason)

    async def unpaused(self) -> None:
        pass


class Relay:
    """Stands in for the proxy: tunnels to the model, refuses every other host, swaps nothing."""

    def __init__(self, model: RehearsalModel) -> None:
        self._model = model

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        if not request.startswith(f"CONNECT {self._model.host}:443 ".encode()):
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            writer.close()
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._model.port)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(self._pump(reader, inner_writer), self._pump(inner_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@pytest.fixture
def directory() -> Iterator[Path]:
    """A short path, as sockets need one."""
    with tempfile.TemporaryDirectory(prefix="ic-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


async def test_claude_code_plays_the_rehearsal(directory: Path) -> None:
    engine_or_skip()
    engine = await asyncio.to_thread(Engine.connect)
    image = await asyncio.to_thread(ensure_image, engine, "claude-code", lambda _: None)
    sockets, workspace = directory / "sockets", directory / "workspace"
    for path in (sockets, workspace):
        path.mkdir()
    os.chown(workspace, *AGENT)
    context = AgentContext(secrets.token_hex(6), {"anthropic": KEY}, allowed_hosts=("api.anthropic.com",))
    model = RehearsalModel(KEY, pause=0.0)
    gateway = Gateway(
        UnixListener(sockets / "mcp.sock", 0o666), [Orientation(lambda: orientation(context))], Admitting()
    )
    await model.start()
    await gateway.start()
    proxy = await asyncio.start_unix_server(Relay(model), sockets / "proxy.sock")
    (sockets / "proxy.sock").chmod(0o666)
    for name in ("ca-cert.pem", "ca-bundle.pem"):
        (sockets / name).write_bytes(model.ca_pem)
    launch = agent("claude-code").prepare(context)
    for name, file in launch.seed.items():
        path = sockets / "seed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file)

    prompt = "RUN: echo he-$((40+2)) > made.txt; cat made.txt; ls /sys/class/net\nTOOL: ironcurtain__where_am_i {}"
    spec = ContainerSpec(
        session_id=context.session_id,
        image=image,
        command=("sleep", "infinity"),
        env={**door_environment(), **launch.env},
        sockets_dir=sockets,
        workspace=workspace,
        uid=AGENT[0],
        gid=AGENT[1],
        entrypoint=(ENTRYPOINT,),
    )
    container = await asyncio.to_thread(engine.create, spec)
    try:
        await asyncio.to_thread(container.start)
        await asyncio.to_thread(container.release)
        # A shell that waits for the seed, then the launch itself with a prompt and an answer for programs.
        wait = 'until [ -e "$HOME/.claude/settings.json" ]; do sleep 0.1; done; exec "$@" < /dev/null'
        command = ("sh", "-c", wait, "sh", *launch.command, "-p", prompt, "--output-format", "stream-json", "--verbose")
        async with asyncio.timeout(TURN_SECONDS):
            status, output = await asyncio.to_thread(container.exec, command, TURN_SECONDS)
    finally:
        await asyncio.to_thread(container.remove)
        proxy.close()
        await gateway.stop()
        await model.stop()
        engine.close()

    events = [json.loads(line) for line in output.decode().splitlines() if line.startswith("{")]
    assert status == 0, output[-2000:]
    assert (workspace / "made.txt").read_text() == "he-42\n"
    assert (workspace / "made.txt").stat().st_uid == AGENT[0]
    results = [
        block
        for event in events
        if event["type"] == "user"
        for block in event["message"]["content"]
        if block["type"] == "tool_result"
    ]
    assert results[0]["content"].split() == ["he-42", "lo"]
    assert "api.anthropic.com" in json.dumps(results[1]["content"])
    assert events[-1]["result"].startswith("The result:\n```\nYou run under IronCurtain")
    assert events[-1]["num_turns"] == 3
    assert events[-1]["usage"]["output_tokens"] > 0
