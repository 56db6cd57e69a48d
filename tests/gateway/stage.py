"""A gateway's surroundings: a gate that remembers, tool servers, and real clients."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.session import MessageHandlerFnT
from mcp.client.stdio import stdio_client
from mcp.shared.message import SessionMessage
from mcp.types import CallToolResult, JSONRPCMessage, TextContent, Tool

from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway.gate import Outcome
from ironcurtain_tui.gateway.tools import Report, ToolServer
from ironcurtain_tui.policy.action import ToolCall, Verdict

ECHO = Path(__file__).with_name("echo_server.py")
WHERE = "ironcurtain__where_am_i"
TEXT = "You are in a test."


class RecordingGate:
    """Admits what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[ToolCall] = []
        self.refusals: list[tuple[ToolCall, str]] = []
        self.outcomes: list[tuple[ToolCall, Outcome]] = []
        self.verdict: Verdict | Exception = Verdict(decision=Decision.ALLOW)
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = 0
        self.cancelled = 0
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.held = 0
        """Answers that wait because the doors are paused."""

    async def admit(self, action: ToolCall) -> Verdict:
        self.asked.append(action)
        self.waiting += 1
        try:
            await self.open.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.waiting -= 1
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict

    async def unpaused(self) -> None:
        self.held += 1
        await self.flowing.wait()
        self.held -= 1

    async def refused(self, action: ToolCall, reason: str) -> None:
        self.refusals.append((action, reason))

    async def done(self, action: ToolCall, outcome: Outcome) -> None:
        self.outcomes.append((action, outcome))


class Arithmetic(ToolServer):
    """A tool server with arguments and an effect that can be counted."""

    name = "sum"

    def __init__(self) -> None:
        self.calls = 0

    async def tools(self) -> Sequence[Tool]:
        number = {"type": "integer"}
        schema = {"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}
        return [Tool(name="add", inputSchema=schema)]

    async def call(self, tool: str, arguments: dict[str, object], report: Report) -> CallToolResult:
        self.calls += 1
        a, b = arguments["a"], arguments["b"]
        assert isinstance(a, int)
        assert isinstance(b, int)
        return CallToolResult(content=[TextContent(type="text", text=str(a + b if b else a // b))])


@asynccontextmanager
async def client(path: Path) -> AsyncIterator[ClientSession]:
    """The SDK's client, through the command that agents start."""
    bridge = StdioServerParameters(command="socat", args=["STDIO", f"UNIX-CONNECT:{path}"])
    async with stdio_client(bridge) as (reading, writing), ClientSession(reading, writing) as session:
        await session.initialize()
        yield session


@asynccontextmanager
async def direct_client(path: Path, told: MessageHandlerFnT | None = None) -> AsyncIterator[ClientSession]:
    """The SDK's client, right on the socket."""
    received, reading = anyio.create_memory_object_stream[SessionMessage | Exception](100)
    writing, to_send = anyio.create_memory_object_stream[SessionMessage](100)
    reader, writer = await asyncio.open_unix_connection(path)

    async def receive() -> None:
        async with received:
            while line := await reader.readline():
                try:
                    await received.send(SessionMessage(JSONRPCMessage.model_validate_json(line)))
                except anyio.BrokenResourceError:  # the session is over, and news came all the same
                    return

    async def send() -> None:
        async for message in to_send:
            writer.write(message.message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n")

    async with asyncio.TaskGroup() as group:
        group.create_task(receive())
        sending = group.create_task(send())
        async with ClientSession(reading, writing, message_handler=told) as session:
            await session.initialize()
            yield session
        sending.cancel()
        writer.close()
    for stream in (received, reading, writing, to_send):
        stream.close()


@asynccontextmanager
async def echo_over_http(pid_file: Path) -> AsyncIterator[int]:
    """The echo server in a process of its own; the port of this machine at which it can be called from the start."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port: int = door.getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ECHO), str(door.fileno())),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PID_FILE": str(pid_file)},
            stderr=asyncio.subprocess.DEVNULL,
            pass_fds=[door.fileno()],
        )
    try:
        yield port
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text
