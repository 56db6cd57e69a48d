"""All tool servers as the one MCP server that the agent sees."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import partial

import anyio
import msgspec
from mcp import McpError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    ErrorData,
    GetPromptResult,
    Prompt,
    Resource,
    ResourceTemplate,
    TextContent,
    Tool,
)
from pydantic import BaseModel

from ironcurtain_tui.escalations import digest
from ironcurtain_tui.events import Decision
from ironcurtain_tui.gateway.arguments import objection, with_defaults
from ironcurtain_tui.gateway.breaker import MOST_CALLS, WINDOW_SECONDS, LoopBreaker
from ironcurtain_tui.gateway.gate import Gate, Outcome
from ironcurtain_tui.gateway.tools import CannotServe, Contents, Report, ToolServer
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths, each_text
from ironcurtain_tui.policy.action import ToolCall, Verdict

log = logging.getLogger(__name__)

SEPARATOR = "__"
LONGEST_NAME = 128
"""Characters of a tool's name that are taken seriously."""
READ, PROMPT = "resources/read", "prompts/get"
"""How the policy knows the reading of a resource and the getting of a prompt: as tools of these names."""

PathArguments = Callable[[ToolCall], Collection[str]]
"""Names of the top-level arguments of a call that hold paths (one, or a list of them)."""


def no_paths(_: ToolCall) -> Collection[str]:
    """For servers whose arguments nobody described."""
    return ()


class Catalogue:
    """What ``servers`` have, and the way of a call: checked, admitted by ``gate``, carried out, recorded."""

    def __init__(
        self,
        servers: Sequence[ToolServer],
        gate: Gate,
        workspace: WorkspacePaths | None = None,
        path_arguments: PathArguments = no_paths,
    ) -> None:
        self._servers = {server.name: server for server in servers}
        self._gate = gate
        self._workspace = workspace
        self._path_arguments = path_arguments
        self._breaker = LoopBreaker()

    # --- what there is -------------------------------------------------------------------------------

    async def tools(self) -> list[Tool]:
        """Every tool, under the name the agent uses.

        Without schemas of results: an agent would reject a refusal that does not satisfy one.
        """
        return [
            tool.model_copy(update={"name": f"{server.name}{SEPARATOR}{tool.name}", "outputSchema": None})
            for server in self._servers.values()
            for tool in await server.tools()
        ]

    async def resources(self) -> list[Resource]:
        """Every resource, under its own address."""
        return [self._shown(each) for server in self._servers.values() for each in await server.resources()]

    async def templates(self) -> list[ResourceTemplate]:
        """Every pattern of resources."""
        return [self._shown(each) for server in self._servers.values() for each in await server.templates()]

    async def prompts(self) -> list[Prompt]:
        """Every prompt, named like the tools."""
        return [
            prompt.model_copy(update={"name": f"{server.name}{SEPARATOR}{prompt.name}"})
            for server in self._servers.values()
            for prompt in await server.prompts()
        ]

    # --- calls ---------------------------------------------------------------------------------------

    async def call(self, name: str, arguments: dict[str, object], report: Report) -> CallToolResult:
        """Carry out a call, or say why not. Never raises but for cancellation: the agent gets an answer."""
        prefix, _, own_name = name[:LONGEST_NAME].partition(SEPARATOR)
        asked = ToolCall(server=prefix, tool=own_name, arguments=arguments)
        server = self._servers.get(prefix)
        tool = next((each for each in await server.tools() if each.name == own_name), None) if server else None
        if server is None or tool is None:
            return await self._refuse(asked, "there is no tool of this name")
        if reason := objection(tool.inputSchema, arguments):
            return await self._refuse(asked, f"the arguments do not fit the tool: {reason}")
        if self._breaker.trips(asked, time.monotonic()):
            return await self._refuse(
                asked,
                f"this very call came more than {MOST_CALLS} times within {WINDOW_SECONDS:.0f} s; you are in a loop, "
                "do something else",
            )
        try:
            action = await self._completed(server, asked, tool.inputSchema)
        except (CannotServe, ValueError) as error:
            return await self._refuse(asked, f"it cannot be done as asked: {error}"[:1000])
        verdict = await self._admit(action)
        if verdict.decision is not Decision.ALLOW:
            return refusal(verdict)
        if verdict.digest and digest.of_call(action.server, action.tool, action.arguments) != verdict.digest:
            return await self._refuse(action, "it is no longer what was approved")
        return await self._execute(server, action, report)

    async def _completed(self, server: ToolServer, asked: ToolCall, schema: Mapping[str, object]) -> ToolCall:
        """The call as it will be executed: defaults filled in, paths as the host knows them."""
        arguments = with_defaults(schema, asked.arguments)
        call = ToolCall(server=asked.server, tool=asked.tool, arguments=arguments)
        for name in self._path_arguments(call):
            if self._workspace is not None and name in arguments:
                arguments[name] = each_text(arguments[name], self._workspace.real_or_empty)
        return ToolCall(server=asked.server, tool=asked.tool, arguments=await server.complete(asked.tool, arguments))

    async def _admit(self, action: ToolCall) -> Verdict:
        try:
            return await self._gate.admit(action)
        except Exception:
            log.exception("no decision on %s %s", action.server, action.tool)
            return Verdict(decision=Decision.DENY, reason="it could not be decided or recorded", rule="fail-closed")

    async def _execute(self, server: ToolServer, action: ToolCall, report: Report) -> CallToolResult:
        return self._shown(await self._carried_out(action, self._result(server, action, report)))

    async def _carried_out[T: BaseModel | Contents](self, action: ToolCall, work: Awaitable[T]) -> T:
        """What ``work`` gives. Its outcome is recorded even when nobody waits for it any more."""
        began = time.monotonic()
        outcome = Outcome(is_error=True, cancelled=True)
        try:
            result = await work
            text = _as_json(result)
            is_error = isinstance(result, CallToolResult) and result.isError
            outcome = Outcome(is_error=is_error, size=len(text), sha256=hashlib.sha256(text).hexdigest())
        except McpError:
            outcome = Outcome(is_error=True)
            raise
        finally:
            with anyio.CancelScope(shield=True):
                await self._record(action, outcome, began)
        return result

    async def _record(self, action: ToolCall, outcome: Outcome, began: float) -> None:
        elapsed = round((time.monotonic() - began) * 1000, 3)
        try:
            await self._gate.done(action, msgspec.structs.replace(outcome, ms=elapsed))
        except Exception:
            log.exception("the outcome of a call could not be recorded")

    async def _result(self, server: ToolServer, action: ToolCall, report: Report) -> CallToolResult:
        try:
            return await server.call(action.tool, action.arguments, report)
        except CannotServe as error:
            return _failure(f"The tool failed: {error}.")
        except Exception as error:
            log.exception("%s %s failed", action.server, action.tool)
            return _failure(f"The tool failed: {type(error).__name__}.")

    # --- resources and prompts -----------------------------------------------------------------------

    async def read(self, uri: str) -> Contents:
        """What is in a resource; McpError when it is refused or there is none of this address."""
        for server in self._servers.values():
            own_uri = self._own_uri(uri)
            if await _offers(server, own_uri):
                contents = await self._once_admitted(server, READ, {"uri": own_uri}, partial(server.read, own_uri))
                return [self._shown(each) for each in contents]
        raise McpError(ErrorData(code=INVALID_PARAMS, message="There is no such resource."))

    async def prompt(self, name: str, arguments: dict[str, str]) -> GetPromptResult:
        """A prompt, filled in; McpError when it is refused or there is none of this name."""
        prefix, _, own_name = name.partition(SEPARATOR)
        server = self._servers.get(prefix)
        if server is None or own_name not in {prompt.name for prompt in await server.prompts()}:
            raise McpError(ErrorData(code=INVALID_PARAMS, message="There is no such prompt."))
        asked: dict[str, object] = {"name": own_name, "arguments": dict(arguments)}
        return self._shown(
            await self._once_admitted(server, PROMPT, asked, partial(server.prompt, own_name, arguments))
        )

    async def _once_admitted[T: BaseModel | Contents](
        self, server: ToolServer, kind: str, arguments: dict[str, object], work: Callable[[], Awaitable[T]]
    ) -> T:
        """What ``work`` gives, recorded; McpError when it may not be done, or fails."""
        if server.own:
            return await _asked(work())
        action = ToolCall(server=server.name, tool=kind, arguments=arguments)
        verdict = await self._admit(action)
        if verdict.decision is not Decision.ALLOW:
            raise McpError(ErrorData(code=INVALID_PARAMS, message=f"IronCurtain refused this: {verdict.reason}."))
        return await self._carried_out(action, _asked(work()))

    # --- small things --------------------------------------------------------------------------------

    async def _refuse(self, action: ToolCall, reason: str) -> CallToolResult:
        try:
            await self._gate.refused(action, reason)
        except Exception:
            log.exception("a refusal could not be recorded")
        return refusal(Verdict(decision=Decision.DENY, reason=reason, rule="gateway"))

    def _shown[M: BaseModel](self, value: M) -> M:
        """``value`` with the workspace's paths as the agent knows them."""
        if self._workspace is None:
            return value
        plain = value.model_dump(mode="json", by_alias=True, exclude_none=True)
        return type(value).model_validate(each_text(plain, self._workspace.to_agent))

    def _own_uri(self, uri: str) -> str:
        path = uri.removeprefix("file://")
        return uri if self._workspace is None or path == uri else f"file://{self._workspace.to_host(path)}"


def refusal(verdict: Verdict) -> CallToolResult:
    """What the agent gets instead of a result: a sentence, and the same for a program."""
    advice = (
        "It may be allowed later; wait before you ask again, and tell the person what you need and why."
        if verdict.retry
        else "This is a decision, not a fault: do not retry it unchanged. "
        "If it matters, tell the person what you need and why."
    )
    result = _failure(f"IronCurtain refused this call: {verdict.reason}. {advice}")
    result.structuredContent = {
        "refused": True,
        "reason": verdict.reason,
        "rule": verdict.rule,
        "retry": verdict.retry,
    }
    return result


def _failure(text: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=text)], isError=True)


async def _asked[T](answer: Awaitable[T]) -> T:
    """What a server answers; McpError with its words when it cannot."""
    try:
        return await answer
    except CannotServe as error:
        raise McpError(ErrorData(code=INVALID_PARAMS, message=f"It failed: {error}.")) from error


def _as_json(result: BaseModel | Contents) -> bytes:
    if isinstance(result, BaseModel):
        return result.model_dump_json(by_alias=True, exclude_none=True).encode()
    return b"[" + b",".join(map(_as_json, result)) + b"]"


async def _offers(server: ToolServer, uri: str) -> bool:
    """Whether ``server`` lists ``uri``, or a pattern it fits."""
    if uri in {str(resource.uri) for resource in await server.resources()}:
        return True
    return any(_pattern(template.uriTemplate).fullmatch(uri) for template in await server.templates())


def _pattern(template: str) -> re.Pattern[str]:
    """RFC 6570, generously: an expression may stand for any characters at all."""
    return re.compile(".+".join(re.escape(part) for part in re.split(r"\{[^{}]*\}", template)))
