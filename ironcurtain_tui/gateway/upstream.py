"""One real tool server: a process of the host, or an address it answers at; kept running as long as the session."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import anyio
import httpx
from mcp import ClientSession, McpError, StdioServerParameters, stdio_client
from mcp.client.stdio import get_default_environment
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.context import RequestContext
from mcp.types import (
    CONNECTION_CLOSED,
    CallToolRequest,
    CallToolRequestParams,
    CallToolResult,
    ClientRequest,
    GetPromptResult,
    Implementation,
    ListRootsResult,
    Prompt,
    PromptListChangedNotification,
    Resource,
    ResourceListChangedNotification,
    ResourceTemplate,
    Root,
    ServerCapabilities,
    ServerNotification,
    Tool,
    ToolListChangedNotification,
)
from pydantic import AnyUrl

from ironcurtain_tui import __version__
from ironcurtain_tui.config import McpServerSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.gateway.client_session import UpstreamSession
from ironcurtain_tui.gateway.nursery import Nursery
from ironcurtain_tui.gateway.server_log import ServerLog
from ironcurtain_tui.gateway.tools import CannotServe, Contents, Report, ToolServer
from ironcurtain_tui.tasks import TaskOwner

log = logging.getLogger(__name__)
logging.getLogger("httpx").setLevel(logging.WARNING)  # it would note addresses, which may hold keys

START_SECONDS = 30.0
"""Within which a server must have told what it has."""
PATIENCE_SECONDS = 10.0
"""How long an agent that asks what there is waits for servers that are still starting."""
FIRST_DELAY, LONGEST_DELAY = 1.0, 60.0
"""Seconds before a server that ended is started again; doubled each time until it stays up."""
STEADY_SECONDS = 60.0
"""Who ran this long counts as having stayed up."""
PING_SECONDS, PONG_SECONDS = 30.0, 30.0
"""How often a server at an address is asked whether it is still there, and how long its answer may take."""
MOST_PAGES = 50
UNFINISHED = "it ended before it had told what it has"
COMPLETES = "ironcurtain/completes"
"""In the ``_meta`` of a hidden tool of our own servers: the tool whose arguments it completes."""

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


class ServerState(StrEnum):
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True)
class _Offer:
    """What a server has."""

    tools: tuple[Tool, ...] = ()
    completing: Mapping[str, str] = field(default_factory=dict)
    """Tool to the hidden one that completes its arguments."""
    resources: tuple[Resource, ...] = ()
    templates: tuple[ResourceTemplate, ...] = ()
    prompts: tuple[Prompt, ...] = ()


Transport = Callable[[], httpx.AsyncBaseTransport]
"""Opens the way out of this network, with verified TLS. May block; UserFacingError when there is none."""
StateChanged = Callable[["Upstream", ServerState, str], object]


class Upstream(ToolServer):
    """Started by ``start``, ended by ``stop``; in between it is started again whenever it ends, with back-off.

    ``on_state`` is told when it is there (or has something else than before) and when it is gone, with the reason.
    ``trusted``: one of our own servers, which may complete the arguments of a call before the decision; they come out
    of a ``nursery``, if one is given. ``transport``: the way to a server that is reached by HTTP.
    """

    own = False

    def __init__(
        self,
        name: str,
        settings: McpServerSettings,
        workspace: Path,
        log_file: Path,
        on_state: StateChanged,
        *,
        trusted: bool = False,
        transport: Transport = httpx.AsyncHTTPTransport,
        nursery: Nursery | None = None,
    ) -> None:
        self.name = name
        self._settings = settings
        self._workspace = workspace
        self.log_file = log_file
        self._log = ServerLog(log_file)
        self._on_state = on_state
        self._trusted = trusted
        self._way = transport
        self._nursery = nursery if trusted else None
        self._tasks = TaskOwner()
        self._session: UpstreamSession | None = None
        self._capabilities = ServerCapabilities()
        self._offer = _Offer()
        self._settled = asyncio.Event()
        self._stopping = False

    def start(self) -> None:
        """Begin to start it; returns at once."""
        self._tasks.start(self._supervise(), f"MCP server {self.name}")

    async def stop(self) -> None:
        """End it: its input is closed, after 2 s it is asked to terminate, after 4 s killed, with all it started."""
        self._stopping = True
        self._settled.set()
        await self._tasks.close()

    # --- ToolServer ----------------------------------------------------------------------------------

    async def tools(self) -> Sequence[Tool]:
        await self._patience()
        return self._offer.tools

    async def resources(self) -> Sequence[Resource]:
        await self._patience()
        return self._offer.resources

    async def templates(self) -> Sequence[ResourceTemplate]:
        return self._offer.templates

    async def prompts(self) -> Sequence[Prompt]:
        await self._patience()
        return self._offer.prompts

    async def complete(self, tool: str, arguments: dict[str, object]) -> dict[str, object]:
        completing = self._offer.completing.get(tool)
        if completing is None:
            return arguments
        result = await self._call(completing, arguments, None)
        if result.isError or result.structuredContent is None:
            text = " ".join(content.text for content in result.content if content.type == "text")
            raise CannotServe(text[:1000] or "its arguments make no sense")
        return dict(result.structuredContent)

    async def call(self, tool: str, arguments: dict[str, object], report: Report) -> CallToolResult:
        return await self._call(tool, arguments, report)

    async def read(self, uri: str) -> Contents:
        return (await self._ask(lambda session: session.read_resource(AnyUrl(uri)))).contents

    async def prompt(self, name: str, arguments: dict[str, str]) -> GetPromptResult:
        return await self._ask(lambda session: session.get_prompt(name, arguments))

    # --- asking --------------------------------------------------------------------------------------

    async def _patience(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self._settled.wait()
        except TimeoutError:
            pass  # it is told of when it comes

    async def _call(self, tool: str, arguments: dict[str, object], report: Report | None) -> CallToolResult:
        # Not by the SDK's call_tool, which checks results against schemas that our agents are not shown.
        params = CallToolRequestParams(name=tool, arguments=arguments)
        request = ClientRequest(CallToolRequest(method="tools/call", params=params))
        result: CallToolResult = await self._ask(
            lambda session: session.send_request(request, CallToolResult, progress_callback=report)
        )
        return result

    async def _ask[T](self, question: Callable[[UpstreamSession], Awaitable[T]]) -> T:
        """The server's answer. CannotServe in its own words, or when it is not there."""
        session = self._session
        if session is None:
            raise CannotServe(f"the server {self.name} is not running; it will be started again")
        try:
            return await question(session)
        except McpError as error:
            if session.ended:
                raise CannotServe(f"the server {self.name} ended before it answered") from error
            raise CannotServe(error.error.message[:1000]) from error
        except (anyio.BrokenResourceError, anyio.ClosedResourceError) as error:
            raise CannotServe(f"the server {self.name} is gone; it will be started again") from error

    # --- life ----------------------------------------------------------------------------------------

    async def _supervise(self) -> None:
        delay = FIRST_DELAY
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            reason = "it ended"
            try:
                await self._run()
            except UserFacingError as error:
                reason = error.message
            except Exception as error:  # whatever is wrong with it must not end the session
                reason = _described(error)
            finally:
                self._session, self._offer = None, _Offer()
            if self._stopping:  # a cancellation may come out of the transport as an ordinary error
                return
            if loop.time() - began > STEADY_SECONDS:
                delay = FIRST_DELAY
            self._log.note(f"{reason}; next start in {delay:.0f} s")
            self._settled.set()
            self._on_state(self, ServerState.DOWN, reason)
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)

    async def _run(self) -> None:
        """From its start to its end."""
        async with (
            self._transport() as (incoming, outgoing),
            UpstreamSession(
                incoming,
                outgoing,
                client_info=Implementation(name="ironcurtain-tui", version=__version__),
                list_roots_callback=self._roots,
                message_handler=self._told,
            ) as session,
        ):
            async with asyncio.timeout(START_SECONDS):
                self._capabilities = (await session.initialize()).capabilities
                self._offer = await self._look(session)
            self._session = session
            self._settled.set()
            self._on_state(self, ServerState.UP, "")
            while not session.ended:
                await self._until_news(session)

    async def _until_news(self, session: UpstreamSession) -> None:
        """Wait until the server ends or has other tools; whoever is only an address is asked for a sign of life."""
        try:
            async with asyncio.timeout(PING_SECONDS if self._settings.url else None):
                await session.news.wait()
        except TimeoutError:
            async with asyncio.timeout(PONG_SECONDS):
                await session.send_ping()
            return
        session.news.clear()
        if not session.ended:
            async with asyncio.timeout(START_SECONDS):
                self._offer = await self._look(session)
            self._on_state(self, ServerState.UP, "")

    async def _look(self, session: ClientSession) -> _Offer:
        """Everything it has now."""
        tools, resources, templates, prompts = [], [], [], []
        if self._capabilities.tools:
            tools = await _pages(session.list_tools, "tools")
        if self._capabilities.resources:
            resources = await _pages(session.list_resources, "resources")
            templates = await _pages(session.list_resource_templates, "resourceTemplates")
        if self._capabilities.prompts:
            prompts = await _pages(session.list_prompts, "prompts")
        completing = {tool.meta[COMPLETES]: tool.name for tool in tools if tool.meta and COMPLETES in tool.meta}
        return _Offer(
            tools=tuple(
                tool for tool in tools if _TOOL_NAME.fullmatch(tool.name) and tool.name not in completing.values()
            ),
            completing=completing if self._trusted else {},
            resources=tuple(resources),
            templates=tuple(templates),
            prompts=tuple(prompts),
        )

    async def _told(self, message: object) -> None:
        changes = ToolListChangedNotification | ResourceListChangedNotification | PromptListChangedNotification
        if isinstance(message, ServerNotification) and isinstance(message.root, changes) and self._session:
            self._session.news.set()

    async def _roots(self, _: RequestContext[ClientSession, Any]) -> ListRootsResult:
        return ListRootsResult(roots=[Root(uri=AnyUrl(self._workspace.as_uri()), name="workspace")])  # type: ignore[arg-type]

    # --- transports ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def _transport(self) -> AsyncIterator[tuple[Any, Any]]:
        if self._settings.url:
            headers = {name: expanded(value) for name, value in self._settings.headers.items()}
            timeout = httpx.Timeout(START_SECONDS, read=None)  # a call may take as long as it takes
            way = await asyncio.to_thread(self._way)
            async with (
                httpx.AsyncClient(headers=headers, timeout=timeout, transport=way) as client,
                streamable_http_client(self._settings.url, http_client=client) as (incoming, outgoing, _),
            ):
                yield incoming, outgoing
            return
        parameters = StdioServerParameters(
            command=self._settings.command,
            args=list(self._settings.args),
            env={name: expanded(value) for name, value in self._settings.env.items()},
            cwd=os.path.expanduser(self._settings.cwd) or self._workspace,  # noqa: ASYNC240, PTH111
            encoding_error_handler="replace",
        )
        reading, errors = self._log.pipe()
        self._tasks.start(self._log.drain(reading), f"output of MCP server {self.name}")
        if self._nursery is None:
            transport = stdio_client(parameters, errlog=errors)
        else:
            environment = {**get_default_environment(), **(parameters.env or {})}
            transport = self._nursery.connect(self.name, environment, self._workspace, errors)
        try:
            async with transport as streams:
                errors.close()  # the child has it; when the child ends, so does the log
                yield streams
        finally:
            errors.close()


def expanded(value: str) -> str:
    """``value`` with each ``${NAME}`` replaced by that variable of the host. UserFacingError when it is not set."""

    def variable(match: re.Match[str]) -> str:
        try:
            return os.environ[match[1]]
        except KeyError:
            raise UserFacingError(f"the variable {match[1]} is not set", f"Set {match[1]} before you start.") from None

    return _VARIABLE.sub(variable, value)


async def _pages(ask: Callable[..., Awaitable[Any]], member: str) -> list[Any]:
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MOST_PAGES):
        page = await ask(cursor)
        found += getattr(page, member)
        cursor = page.nextCursor
        if not cursor:
            break
    return found


def _described(error: BaseException) -> str:
    """The first of what went wrong, in words."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    match error:
        case TimeoutError():
            return f"it did not answer within {START_SECONDS:.0f} s"
        case FileNotFoundError():
            return f"there is no command or directory {error.filename}"
        case McpError() if error.error.code == CONNECTION_CLOSED:
            return UNFINISHED
        case anyio.BrokenResourceError() | anyio.ClosedResourceError() | ConnectionError():
            return UNFINISHED
        case McpError():
            return f"it refused: {error.error.message}"[:500]
        case _:
            return f"{type(error).__name__}: {error}"[:500]
