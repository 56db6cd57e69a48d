"""All tool servers as the one MCP server that the agent sees."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

import jsonschema
from mcp import McpError
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.types import INVALID_PARAMS, CallToolResult, ErrorData, Resource, TextContent, Tool
from pydantic import AnyUrl

from ironcurtain_tui import __version__
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway.gate import Gate
from ironcurtain_tui.gateway.tools import ToolServer
from ironcurtain_tui.policy.action import ToolCall, Verdict

log = logging.getLogger(__name__)

NAME = "ironcurtain"
SEPARATOR = "__"
LONGEST_NAME = 128
"""Characters of a tool's name that are taken seriously."""


class Catalogue:
    """Lists the tools of ``servers`` and lets a call through to one of them when ``gate`` admits it."""

    def __init__(self, servers: Sequence[ToolServer], gate: Gate) -> None:
        self._servers = servers
        self._gate = gate

    async def tools(self) -> list[Tool]:
        """Every tool, under the name the agent uses."""
        return [
            tool.model_copy(update={"name": f"{server.name}{SEPARATOR}{tool.name}"})
            for server in self._servers
            for tool in await server.tools()
        ]

    async def call(self, name: str, arguments: dict[str, object]) -> CallToolResult:
        """Carry out a call, or say why not. Never raises but for cancellation: the agent gets an answer."""
        prefix, _, own_name = name[:LONGEST_NAME].partition(SEPARATOR)
        action = ToolCall(server=prefix, tool=own_name, arguments=arguments)
        server = next((each for each in self._servers if each.name == prefix), None)
        tool = next((each for each in await server.tools() if each.name == own_name), None) if server else None
        if server is None or tool is None:
            return await self._refuse(action, "there is no tool of this name")
        try:
            jsonschema.validate(arguments, tool.inputSchema)
        except (jsonschema.ValidationError, jsonschema.SchemaError) as error:
            return await self._refuse(action, f"the arguments do not fit the tool: {error.message[:500]}")
        try:
            verdict = await self._gate.admit(action)
        except Exception:
            log.exception("no decision on %s", name)
            verdict = Verdict(decision=Decision.DENY, reason="it could not be decided or recorded", rule="fail-closed")
        if verdict.decision is not Decision.ALLOW:
            return refusal(verdict.reason, verdict.rule)
        try:
            return await server.call(own_name, arguments)
        except Exception as error:
            log.exception("%s failed", name)
            return _failure(f"The tool failed: {type(error).__name__}.")

    async def resources(self) -> list[Resource]:
        return [resource for server in self._servers for resource in await server.resources()]

    async def read(self, uri: AnyUrl) -> Iterable[ReadResourceContents]:
        """The text of a resource; McpError when there is none of this address."""
        for server in self._servers:
            if (text := await server.read(str(uri))) is not None:
                return [ReadResourceContents(content=text, mime_type="text/plain")]
        raise McpError(ErrorData(code=INVALID_PARAMS, message="There is no such resource."))

    async def _refuse(self, action: ToolCall, reason: str) -> CallToolResult:
        try:
            await self._gate.refused(action, reason)
        except Exception:
            log.exception("a refusal could not be recorded")
        return refusal(reason, "gateway")


def refusal(reason: str, rule: str) -> CallToolResult:
    """What the agent gets instead of a result: a sentence, and the same for a program."""
    result = _failure(
        f"IronCurtain refused this call: {reason}. This is a decision, not a fault: do not retry it unchanged. "
        "If it matters, tell the person what you need and why."
    )
    result.structuredContent = {"refused": True, "reason": reason, "rule": rule, "retry": False}
    return result


def mcp_server(catalogue: Catalogue) -> Server[object]:
    """``catalogue`` as a server of the SDK; it may serve any number of connections at once."""
    server: Server[object] = Server(
        NAME,
        version=__version__,
        instructions="Tools that reach outside the container. Each call is decided on by policy or by a person.",
    )
    server.list_tools()(catalogue.tools)  # type: ignore[no-untyped-call]
    # Arguments are checked by the catalogue, so that a refusal is recorded.
    server.call_tool(validate_input=False)(catalogue.call)
    server.list_resources()(catalogue.resources)  # type: ignore[no-untyped-call]
    server.read_resource()(catalogue.read)  # type: ignore[no-untyped-call]
    return server


def _failure(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], isError=True)
