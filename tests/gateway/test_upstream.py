"""Real tool servers behind the gateway: their life, and calls all the way through."""

import asyncio
import gc
import hashlib
import os
import stat
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import mcp.types as types
import msgspec
import pytest
from mcp import McpError
from pydantic import AnyUrl

from ironcurtain_tui.config import McpServerSettings
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway import breaker, progress, server_log, upstream
from ironcurtain_tui.gateway.server import Gateway
from ironcurtain_tui.gateway.upstream import ServerState, Upstream
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.policy.action import ToolCall, Verdict
from ironcurtain_tui.tasks import TaskOwner
from tests.gateway.stage import ECHO, RecordingGate, direct_client, echo_over_http, text_of
from tests.waiting import PATIENCE, until


class Stage:
    """A gateway on the way to one echo server."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = root / "project"
        self.workspace.mkdir()
        self.socket = root / "mcp.sock"
        self.pid_file = root / "pid"
        self.gate = RecordingGate()
        self.states: list[tuple[ServerState, str]] = []
        self.gateway: Gateway | None = None
        self.stack = AsyncExitStack()
        self.tasks = TaskOwner()
        self.stack.push_async_callback(self.tasks.close)

    async def serve(self, settings: McpServerSettings, name: str = "echo") -> Upstream:
        server = Upstream(name, settings, self.workspace, self.root / "echo.log", self._changed)
        self.gateway = Gateway(
            UnixListener(self.socket),
            [server],
            self.gate,
            workspace=WorkspacePaths(self.workspace),
            path_arguments=lambda call: ("path",) if call.tool == "echo" else (),
        )
        server.start()
        self.stack.push_async_callback(server.stop)
        await self.gateway.start()
        self.stack.push_async_callback(self.gateway.stop)
        return server

    def _changed(self, _: Upstream, state: ServerState, reason: str) -> None:
        self.states.append((state, reason))
        assert self.gateway is not None
        self.gateway.announce_changes()

    def settings(self, *arguments: str, **more: str) -> McpServerSettings:
        environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PID_FILE": str(self.pid_file), **more}
        return McpServerSettings(command=sys.executable, args=(str(ECHO), *arguments), env=environment)

    def start(self, work: Coroutine[Any, Any, types.CallToolResult]) -> asyncio.Task[types.CallToolResult]:
        """Let a call go on by itself."""
        return self.tasks.start(work, "call")

    def alive(self) -> bool:
        try:
            os.kill(int(self.pid_file.read_text()), 0)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    monkeypatch.setattr(upstream, "FIRST_DELAY", 0.05)
    for limit in ("START_SECONDS", "PATIENCE_SECONDS"):
        monkeypatch.setattr(upstream, limit, PATIENCE)
    monkeypatch.setattr(progress, "BEAT_SECONDS", 3600.0)
    # Otherwise asyncio says nothing of a connection that it accepted and then could not set up.
    asyncio.get_running_loop().set_debug(True)
    made = Stage(tmp_path)
    async with made.stack:
        yield made


async def test_tools_are_named_after_their_server_and_answer(stage: Stage) -> None:
    server = await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert "echo__echo" in tools
        assert "echo__not a name!" not in tools
        assert all(tool.outputSchema is None for tool in tools.values())
        result = await client.call_tool("echo__echo", {"text": "hello"})
        assert (result.isError, text_of(result)) == (False, "hello")
    whole: dict[str, object] = {"text": "hello", "path": "", "times": 1}
    assert stage.gate.asked == [ToolCall(server="echo", tool="echo", arguments=whole)], "defaults are part of the call"
    ((action, outcome),) = stage.gate.outcomes
    assert action == stage.gate.asked[0]
    assert (outcome.is_error, outcome.cancelled) == (False, False)
    assert len(outcome.sha256) == len(hashlib.sha256().hexdigest())
    assert outcome.size > len("hello")
    assert outcome.ms > 0
    assert stage.alive()
    await server.stop()
    assert not stage.alive()


async def test_paths_of_the_workspace_change_their_name_both_ways(stage: Stage) -> None:
    await stage.serve(stage.settings())
    (stage.workspace / "link").symlink_to("/etc")
    async with direct_client(stage.socket) as client:
        for asked, real, told in (
            ("/workspace/a b", f"{stage.workspace}/a b", "/workspace/a b"),
            ("src/x", f"{stage.workspace}/src/x", "/workspace/src/x"),
            ("/workspace/link/passwd", "/etc/passwd", "/etc/passwd"),
            ("/workspacefoo", "/workspacefoo", "/workspacefoo"),
        ):
            result = await client.call_tool("echo__echo", {"text": "/workspace", "path": asked})
            assert text_of(result) == f"/workspace {told}", "text that is no path of a call stays as it is"
            assert stage.gate.asked[-1].arguments["path"] == real
        refused = await client.call_tool("echo__echo", {"text": "x", "path": "a\0b"})
    assert refused.isError
    assert "NUL" in text_of(refused)


async def test_a_server_that_crashes_costs_one_answer_and_comes_back(stage: Stage) -> None:
    await stage.serve(stage.settings())
    changes = 0

    async def told(message: object) -> None:
        nonlocal changes
        changes += isinstance(message, types.ServerNotification) and isinstance(
            message.root, types.ToolListChangedNotification
        )

    async with direct_client(stage.socket, told) as client:
        assert (await client.list_tools()).tools
        result = await client.call_tool("echo__crash", {})
        assert result.isError
        assert "ended before it answered" in text_of(result)
        await until(lambda: [state for state, _ in stage.states] == [ServerState.UP, ServerState.DOWN, ServerState.UP])
        assert text_of(await client.call_tool("echo__echo", {"text": "again"})) == "again"
        await until(lambda: changes >= 2)
    assert "about to crash" in (stage.root / "echo.log").read_text()
    assert stat.S_IMODE((stage.root / "echo.log").stat().st_mode) == 0o600
    assert [outcome.is_error for _, outcome in stage.gate.outcomes] == [True, False]


async def test_while_it_is_gone_its_tools_are_gone(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "FIRST_DELAY", 3600.0)
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        await client.call_tool("echo__crash", {})
        await until(lambda: len(stage.states) == 2)
        assert (await client.list_tools()).tools == []
        assert "no tool of this name" in text_of(await client.call_tool("echo__echo", {"text": "x"}))


async def test_new_tools_are_announced(stage: Stage) -> None:
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        await client.call_tool("echo__grow", {})
        await until(lambda: len(stage.states) == 2)
        assert "echo__grown" in {tool.name for tool in (await client.list_tools()).tools}


@pytest.mark.parametrize("transport", ["stdio", "http"])
async def test_progress_and_cancellation_reach_the_other_side(stage: Stage, transport: str) -> None:
    await stage.serve(await transport_of(stage, transport))
    seen: list[tuple[float, float | None, str | None]] = []

    async def report(*told: object) -> None:
        seen.append(told)  # type: ignore[arg-type]

    async with direct_client(stage.socket) as client:
        calling = stage.start(client.call_tool("echo__wait", {"marker": str(stage.root)}, progress_callback=report))
        await until(lambda: seen)
        assert seen == [(1.0, 10.0, "one of ten")]
        cancelled = types.CancelledNotification(
            method="notifications/cancelled",
            params=types.CancelledNotificationParams(requestId=client._request_id - 1),
        )
        await client.send_notification(types.ClientNotification(cancelled))
        with pytest.raises(McpError, match="cancelled"):
            await calling
        await until((stage.root / "cancelled").exists)
        await until(lambda: stage.gate.outcomes)
    ((_, outcome),) = stage.gate.outcomes
    assert outcome.cancelled


async def test_a_client_that_leaves_takes_its_call_back(stage: Stage) -> None:
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        calling = stage.start(client.call_tool("echo__wait", {"marker": str(stage.root)}))
        await until((stage.root / "began").exists)
        calling.cancel()
        await asyncio.wait([calling])
        assert not (stage.root / "cancelled").exists(), "the SDK's client does not say that it gave up"
    await until((stage.root / "cancelled").exists)
    await until(lambda: stage.gate.outcomes)
    assert stage.gate.outcomes[0][1].cancelled


async def test_a_held_call_gives_signs_of_life(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BEAT_SECONDS", 0.02)
    await stage.serve(stage.settings())
    stage.gate.open.clear()
    seen: list[float] = []

    async def report(reached: float, _total: float | None, message: str | None) -> None:
        assert message is not None
        assert message.startswith("Still under way")
        seen.append(reached)

    async with direct_client(stage.socket) as client:
        calling = stage.start(client.call_tool("echo__echo", {"text": "x"}, progress_callback=report))
        await until(lambda: len(seen) >= 3)
        stage.gate.open.set()
        assert text_of(await calling) == "x"
    assert seen == sorted(set(seen)), "MCP wants progress to increase"
    assert seen[-1] < 0.01


async def test_the_same_call_in_a_loop_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(breaker, "WINDOW_SECONDS", 3600.0)
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        results = [await client.call_tool("echo__echo", {"text": "x", "times": 1}) for _ in range(21)]
        assert [result.isError for result in results] == [False] * 20 + [True]
        assert "you are in a loop" in text_of(results[-1])
        assert not (await client.call_tool("echo__echo", {"text": "y", "times": 1})).isError
    assert "in a loop" in stage.gate.refusals[0][1]


async def test_resources_and_prompts_are_passed_on_when_allowed(stage: Stage) -> None:
    await stage.serve(stage.settings())
    async with direct_client(stage.socket) as client:
        assert [str(each.uri) for each in (await client.list_resources()).resources] == ["note://one"]
        (template,) = (await client.list_resource_templates()).resourceTemplates
        assert template.uriTemplate == "note://about/{topic}"
        (content,) = (await client.read_resource(AnyUrl("note://one"))).contents
        assert content.model_dump()["text"] == "a note in /workspace"
        (content,) = (await client.read_resource(AnyUrl("note://about/cats"))).contents
        assert content.model_dump()["text"] == "about cats"
        (prompt,) = (await client.list_prompts()).prompts
        assert prompt.name == "echo__greet"
        answer = await client.get_prompt("echo__greet", {"name": "Ada"})
        assert answer.messages[0].content.model_dump()["text"] == "Say hello to Ada."
        with pytest.raises(McpError, match="It failed"):
            await client.get_prompt("echo__greet", {})
        stage.gate.verdict = Verdict(decision=Decision.DENY, reason="not now", rule="x")
        for asking in (client.read_resource(AnyUrl("note://one")), client.get_prompt("echo__greet", {"name": "x"})):
            with pytest.raises(McpError, match="not now"):
                await asking
        for missing in (client.read_resource(AnyUrl("file:///etc/passwd")), client.get_prompt("greet")):
            with pytest.raises(McpError, match="There is no such"):
                await missing
    assert [(each.tool, each.arguments) for each in stage.gate.asked[:3]] == [
        ("resources/read", {"uri": "note://one"}),
        ("resources/read", {"uri": "note://about/cats"}),
        ("prompts/get", {"name": "greet", "arguments": {"name": "Ada"}}),
    ]
    assert [action for action, _ in stage.gate.outcomes] == stage.gate.asked[:4], "every intent has its outcome"
    assert [each.is_error for _, each in stage.gate.outcomes] == [False, False, False, True]
    assert all(each.sha256 for _, each in stage.gate.outcomes[:3])


async def test_it_gets_the_variables_it_was_given_and_no_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-real")
    monkeypatch.setenv("MY_TOKEN", "token-1")
    await stage.serve(stage.settings(TOKEN="Bearer ${MY_TOKEN}"))
    async with direct_client(stage.socket) as client:
        for name, value in (("TOKEN", "Bearer token-1"), ("ANTHROPIC_API_KEY", "(none)"), ("MY_TOKEN", "(none)")):
            assert text_of(await client.call_tool("echo__environment", {"name": name})) == value


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (McpServerSettings(command="no-such-command-here"), "there is no command or directory no-such-command-here"),
        (McpServerSettings(command="true"), "it ended before it had told what it has"),
        (McpServerSettings(command="cat", env={"X": "${IRONCURTAIN_UNSET}"}), "IRONCURTAIN_UNSET is not set"),
        (McpServerSettings(url="http://127.0.0.1:9/mcp"), "ConnectError"),
    ],
)
async def test_one_that_does_not_start_is_told_of_and_absent(
    stage: Stage, settings: McpServerSettings, reason: str
) -> None:
    await stage.serve(settings)
    async with direct_client(stage.socket) as client:
        assert (await client.list_tools()).tools == []
    assert stage.states[0][0] is ServerState.DOWN
    assert reason in stage.states[0][1]


@pytest.mark.skipif(sys.platform != "linux", reason="counted below /proc")
async def test_one_that_is_ended_while_it_starts_leaves_no_descriptor(tmp_path: Path) -> None:
    def open_files() -> int:
        gc.collect()
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for steps in range(20):
        settings = McpServerSettings(command="no-such-command-here")
        server = Upstream("echo", settings, tmp_path, tmp_path / "echo.log", lambda *_: None)
        server.start()
        for _ in range(steps):
            await asyncio.sleep(0)
        await server.stop()
    assert open_files() <= before


async def test_what_it_writes_to_its_errors_is_kept_but_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_log, "MOST_BYTES", 100_000)
    monkeypatch.setattr(upstream, "FIRST_DELAY", 3600.0)
    noisy = "import sys; [sys.stderr.write(f'line {n}\\n') for n in range(100_000)]; sys.stderr.write('the end\\n')"
    await stage.serve(McpServerSettings(command=sys.executable, args=("-c", noisy)))
    log = stage.root / "echo.log"
    await until(lambda: "the end" in _text(log) + _text(log.with_name("echo.log.1")))
    await until(lambda: stage.states)
    assert sum(path.stat().st_size for path in stage.root.glob("echo.log*")) <= 2 * (100_000 + (64 << 10))


SUPERVISOR = """
import asyncio, sys
from pathlib import Path
from ironcurtain_tui.config import McpServerSettings
from ironcurtain_tui.gateway import upstream
from ironcurtain_tui.gateway.upstream import Upstream
import msgspec

upstream.START_SECONDS = upstream.PATIENCE_SECONDS = float(sys.argv[3])

async def main():
    settings = msgspec.json.decode(sys.argv[1], type=McpServerSettings)
    server = Upstream("echo", settings, Path(sys.argv[2]), Path(sys.argv[2], "log"), lambda *_: print("up", flush=True))
    server.start()
    await server.tools()
    await server.call("wait", {"marker": sys.argv[2]}, None)

asyncio.run(main())
"""


async def test_a_server_ends_with_a_supervisor_that_was_killed(stage: Stage) -> None:
    settings = msgspec.json.encode(stage.settings()).decode()
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SUPERVISOR,
        settings,
        str(stage.root),
        str(PATIENCE),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    await until((stage.root / "began").exists)
    assert stage.alive()
    supervisor.kill()
    await supervisor.wait()
    await until(lambda: not stage.alive())


async def test_by_http_with_headers(stage: Stage) -> None:
    await stage.serve(await transport_of(stage, "http"))
    async with direct_client(stage.socket) as client:
        assert text_of(await client.call_tool("echo__echo", {"text": "over http"})) == "over http"


async def test_a_server_at_an_address_that_goes_away_is_noticed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upstream, "PING_SECONDS", 0.2)
    await stage.serve(await transport_of(stage, "http"))
    async with direct_client(stage.socket) as client:
        calling = stage.start(client.call_tool("echo__wait", {"marker": str(stage.root)}))
        await until((stage.root / "began").exists)
        os.kill(int(stage.pid_file.read_text()), 9)
        assert (await calling).isError
        await until(lambda: ServerState.DOWN in {state for state, _ in stage.states})


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""


async def transport_of(stage: Stage, transport: str) -> McpServerSettings:
    """Settings for an echo server that is started by us, or already answers at an address."""
    if transport == "stdio":
        return stage.settings()
    port = await stage.stack.enter_async_context(echo_over_http(stage.pid_file))
    return McpServerSettings(url=f"http://127.0.0.1:{port}/mcp")
