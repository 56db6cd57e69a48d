"""The gateway, spoken to by real clients over real sockets."""

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from mcp import McpError
from pydantic import AnyUrl

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.gateway.connection import MOST_UNANSWERED
from ironcurtain_tui.gateway.orientation import Orientation
from ironcurtain_tui.gateway.server import MOST_CLIENTS, Gateway
from ironcurtain_tui.gateway.tools import ToolServer
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.policy.action import ToolCall, Verdict
from tests.gateway.stage import TEXT, WHERE, Arithmetic, RecordingGate, client, direct_client, text_of
from tests.waiting import until


@pytest.fixture
def gate() -> RecordingGate:
    return RecordingGate()


@pytest.fixture
def arithmetic() -> Arithmetic:
    return Arithmetic()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mcp.sock"


@pytest.fixture
async def gateway(path: Path, gate: RecordingGate, arithmetic: Arithmetic) -> AsyncIterator[Gateway]:
    servers: list[ToolServer] = [Orientation(lambda: TEXT), arithmetic]
    gateway = Gateway(UnixListener(path), servers, gate)
    await gateway.start()
    yield gateway
    await gateway.stop()


async def test_the_agents_own_bridge_lists_calls_and_reads(gateway: Gateway, gate: RecordingGate, path: Path) -> None:
    async with client(path) as session:
        assert [tool.name for tool in (await session.list_tools()).tools] == [WHERE, "sum__add"]
        result = await session.call_tool(WHERE, {})
        assert (result.isError, text_of(result)) == (False, TEXT)
        assert text_of(await session.call_tool("sum__add", {"a": 20, "b": 22})) == "42"
        (resource,) = (await session.list_resources()).resources
        (content,) = (await session.read_resource(resource.uri)).contents
        assert content.model_dump()["text"] == TEXT
        with pytest.raises(McpError, match="no such resource"):
            await session.read_resource(AnyUrl("file:///etc/passwd"))
    assert gate.asked == [
        ToolCall(server="ironcurtain", tool="where_am_i", arguments={}),
        ToolCall(server="sum", tool="add", arguments={"a": 20, "b": 22}),
    ]


async def test_many_clients_at_once_do_not_disturb_each_other(gateway: Gateway, path: Path) -> None:
    async def one(number: int) -> None:
        async with direct_client(path) as session:
            for round_ in range(1, 20):
                assert text_of(await session.call_tool("sum__add", {"a": number, "b": round_})) == str(number + round_)

    async with client(path) as first:
        await asyncio.gather(*map(one, range(10)))
        assert text_of(await first.call_tool(WHERE, {})) == TEXT


@pytest.mark.parametrize("decision", [Decision.DENY, Decision.ESCALATE, Decision.ANSWER])
async def test_what_is_not_allowed_does_not_happen(
    gateway: Gateway, gate: RecordingGate, arithmetic: Arithmetic, path: Path, decision: Decision
) -> None:
    gate.verdict = Verdict(decision=decision, reason="not on a Friday", rule="no-fridays")
    async with direct_client(path) as session:
        result = await session.call_tool("sum__add", {"a": 1, "b": 1})
    assert result.isError
    assert "not on a Friday" in text_of(result)
    assert result.structuredContent == {
        "refused": True,
        "reason": "not on a Friday",
        "rule": "no-fridays",
        "retry": False,
    }
    assert arithmetic.calls == 0


async def test_a_gate_that_fails_refuses_and_tells_nothing(
    gateway: Gateway, gate: RecordingGate, arithmetic: Arithmetic, path: Path
) -> None:
    gate.verdict = UserFacingError("/home/someone/secret path", "remedy")
    async with direct_client(path) as session:
        result = await session.call_tool("sum__add", {"a": 1, "b": 1})
    assert result.isError
    assert "secret path" not in result.model_dump_json()
    assert arithmetic.calls == 0


@pytest.mark.parametrize(
    ("name", "arguments", "reason"),
    [
        ("sum__subtract", {}, "no tool of this name"),
        ("nobody__add", {}, "no tool of this name"),
        ("add", {}, "no tool of this name"),
        ("x" * 10_000, {}, "no tool of this name"),
        ("sum__add", {"a": 1}, "do not fit"),
        ("sum__add", {"a": 1, "b": "2"}, "do not fit"),
        (WHERE, {"surplus": 1}, "do not fit"),
    ],
)
async def test_a_call_that_makes_no_sense_is_refused_and_recorded(
    gateway: Gateway, gate: RecordingGate, path: Path, name: str, arguments: dict[str, object], reason: str
) -> None:
    async with direct_client(path) as session:
        result = await session.call_tool(name, arguments)
    assert result.isError
    assert reason in text_of(result)
    assert gate.asked == []
    ((action, recorded),) = gate.refusals
    assert reason in recorded
    assert action.arguments == arguments
    assert len(action.server) <= 128


async def test_a_tool_that_breaks_is_an_answer_too(gateway: Gateway, path: Path) -> None:
    async with direct_client(path) as session:
        result = await session.call_tool("sum__add", {"a": 1, "b": 0})
        assert result.isError
        assert text_of(result) == "The tool failed: ZeroDivisionError."
        assert text_of(await session.call_tool("sum__add", {"a": 1, "b": 1})) == "2"


async def test_a_held_call_ends_with_its_client(gateway: Gateway, gate: RecordingGate, path: Path) -> None:
    gate.open.clear()
    _, writer = await connected(path)
    writer.write(line("tools/call", 2, name=WHERE))
    await until(lambda: gate.waiting)
    writer.close()
    await until(lambda: gate.cancelled)
    assert gate.waiting == 0


async def test_a_held_call_can_be_cancelled_and_holds_up_nothing(
    gateway: Gateway, gate: RecordingGate, path: Path
) -> None:
    gate.open.clear()
    reader, writer = await connected(path)
    writer.write(line("tools/call", 2, name=WHERE))
    await until(lambda: gate.waiting)
    writer.write(line("ping", 3))
    assert json.loads(await reader.readline()) == {"jsonrpc": "2.0", "id": 3, "result": {}}
    writer.write(line("notifications/cancelled", None, requestId=2, reason="no more"))
    assert json.loads(await reader.readline())["id"] == 2
    await until(lambda: gate.cancelled)
    writer.close()


async def test_one_client_can_hold_only_so_many_calls(gateway: Gateway, gate: RecordingGate, path: Path) -> None:
    gate.open.clear()
    reader, writer = await connected(path)
    for number in range(MOST_UNANSWERED + 20):
        writer.write(line("tools/call", number + 2, name="sum__add", arguments={"a": number, "b": 1}))
    await until(lambda: gate.waiting == MOST_UNANSWERED)
    await asyncio.sleep(0.1)
    assert gate.waiting == MOST_UNANSWERED
    async with direct_client(path) as other:
        assert (await other.list_tools()).tools
    gate.open.set()
    answered = {json.loads(await reader.readline())["id"] for _ in range(MOST_UNANSWERED + 20)}
    assert answered == set(range(2, MOST_UNANSWERED + 22))
    writer.close()


# --- input that no decent client sends ----------------------------------------------------------------


def line(method: str, identifier: int | None, **params: object) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if identifier is None else {**message, "id": identifier}).encode() + b"\n"


async def connected(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection that has shaken hands."""
    reader, writer = await asyncio.open_unix_connection(path)
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    writer.write(line("initialize", 1, **hello) + line("notifications/initialized", None))
    assert json.loads(await reader.readline())["result"]["serverInfo"]["name"] == "ironcurtain"
    return reader, writer


@pytest.mark.parametrize(
    ("garbage", "code", "identifier"),
    [
        (b"hello\n", -32700, None),
        (b"\xff\xfe\x00\n", -32700, None),
        (b"[" * 100_000 + b"\n", -32700, None),
        (b"{}\n", -32600, None),
        (b"[]\n", -32600, None),
        (b"null\n", -32600, None),
        (b'{"jsonrpc":"1.0","id":7,"method":"ping"}\n', -32600, 7),
        (b'{"jsonrpc":"2.0","id":true,"method":1}\n', -32600, None),
        (line("server/discover", 8), -32601, 8),
        (line("tools/call", 9, arguments=1), -32602, 9),
        (line("resources/read", 10), -32602, 10),
    ],
)
async def test_malformed_input_gets_an_error_and_the_connection_goes_on(
    gateway: Gateway, path: Path, garbage: bytes, code: int, identifier: int | None
) -> None:
    reader, writer = await connected(path)
    writer.write(garbage)
    answer = json.loads(await reader.readline())
    assert (answer["jsonrpc"], answer["id"], answer["error"]["code"]) == ("2.0", identifier, code)
    writer.write(b"\n  \n" + line("nonsense/notification", None) + b'{"jsonrpc":"2.0","id":5,"result":{}}\n')
    writer.write(line("ping", 99))
    assert json.loads(await reader.readline()) == {"jsonrpc": "2.0", "id": 99, "result": {}}
    writer.close()


async def test_nothing_is_served_before_the_handshake(gateway: Gateway, gate: RecordingGate, path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(line("tools/call", 1, name=WHERE))
    assert "error" in json.loads(await reader.readline())
    assert gate.asked == []
    writer.close()


async def test_a_message_that_is_too_long_ends_its_own_connection_only(gateway: Gateway, path: Path) -> None:
    async with direct_client(path) as other:
        reader, writer = await connected(path)
        head = line("tools/call", 2, name=WHERE, arguments={"x": "@"}).replace(b"@", b"x" * LARGEST_MESSAGE)

        async def send() -> None:
            try:
                writer.write(head)
                await writer.drain()
            except ConnectionError:
                pass

        sending = asyncio.gather(send())
        answer = json.loads(await reader.readline())
        assert answer["error"]["code"] == -32600
        try:
            assert await reader.read() == b""
        except ConnectionResetError:
            pass  # what it had not read makes the kernel say it so
        await sending
        assert text_of(await other.call_tool(WHERE, {})) == TEXT


async def test_a_message_just_within_bounds_is_served(gateway: Gateway, gate: RecordingGate, path: Path) -> None:
    reader, writer = await connected(path)
    writer.write(line("tools/call", 2, name=WHERE, arguments={"x": "y" * (LARGEST_MESSAGE - 1000)}))
    answer = json.loads(await reader.readline())
    assert answer["result"]["isError"]
    assert len(gate.refusals) == 1
    writer.close()


async def test_clients_beyond_the_limit_are_turned_away_until_one_leaves(gateway: Gateway, path: Path) -> None:
    clients = [await connected(path) for _ in range(MOST_CLIENTS)]
    reader, writer = await asyncio.open_unix_connection(path)
    assert "at most" in json.loads(await reader.readline())["error"]["message"]
    assert await reader.read() == b""
    writer.close()
    clients.pop()[1].close()
    await until(lambda: gateway.clients < MOST_CLIENTS)
    await connected(path)
    for _, writer in clients:
        writer.close()


# --- the socket ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", [0o600, 0o666])
async def test_the_socket_is_as_open_as_asked(path: Path, gate: RecordingGate, mode: int) -> None:
    gateway = Gateway(UnixListener(path, mode), [], gate)
    await gateway.start()
    assert stat.S_IMODE(path.stat().st_mode) == mode
    await gateway.stop()
    assert not path.exists()


async def test_stop_cuts_clients_and_cancels_what_is_held(path: Path, gate: RecordingGate) -> None:
    gate.open.clear()
    gateway = Gateway(UnixListener(path), [Orientation(lambda: TEXT)], gate)
    await gateway.start()
    reader, writer = await connected(path)
    writer.write(line("tools/call", 2, name=WHERE))
    await until(lambda: gate.waiting)
    await gateway.stop()
    assert gate.cancelled == 1
    assert await reader.read() == b""
    writer.close()
    await gateway.stop()


async def test_a_stale_socket_is_replaced_and_a_successors_is_left_alone(path: Path, gate: RecordingGate) -> None:
    first, second = Gateway(UnixListener(path), [], gate), Gateway(UnixListener(path), [], gate)
    await first.start()
    await second.start()
    await first.stop()
    assert path.is_socket()
    _, writer = await connected(path)
    writer.close()
    await second.stop()
    assert not path.exists()


async def test_what_is_no_socket_is_never_removed(path: Path, gate: RecordingGate) -> None:
    path.write_text("mine")
    with pytest.raises(UserFacingError, match="Address already in use"):
        await Gateway(UnixListener(path), [], gate).start()
    assert path.read_text() == "mine"
    path.unlink()
    path.symlink_to("elsewhere")
    with pytest.raises(UserFacingError):
        await Gateway(UnixListener(path), [], gate).start()


async def test_an_impossible_path_is_explained(tmp_path: Path, gate: RecordingGate) -> None:
    for path in (tmp_path / "missing" / "mcp.sock", tmp_path / ("x" * 200)):
        with pytest.raises(UserFacingError, match="Cannot listen on"):
            await Gateway(UnixListener(path), [], gate).start()
