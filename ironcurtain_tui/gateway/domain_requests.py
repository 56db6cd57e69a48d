"""The session's own tool server for hosts: what can be reached, and asking for more."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcp.types import CallToolResult, TextContent, Tool, ToolAnnotations

from ironcurtain_tui.escalations import domains
from ironcurtain_tui.gateway.tools import CannotServe, Report, ToolServer

LONGEST_REASON = 2_000


class DomainRequests(ToolServer):
    """``request_domain`` asks the person for a host; the gate gives the grant, so the call itself only tells of it.

    ``reachable`` tells what can be reached now, one line each.
    """

    name = domains.SERVER

    def __init__(self, reachable: Callable[[], Sequence[str]]) -> None:
        self._reachable = reachable

    async def tools(self) -> Sequence[Tool]:
        return (
            Tool(
                name=domains.REQUEST,
                title="Ask for a host",
                description=(
                    "Asks the person who supervises this session to open one HTTPS host for a while. Waits for the "
                    "answer, up to ten minutes. Say why you need it: the person decides by your reason. Afterwards use "
                    "the host as usual, through the proxy."
                ),
                inputSchema={
                    "type": "object",
                    "properties": {
                        "host": {"type": "string", "maxLength": 253, "description": "Full name, e.g. docs.example.org"},
                        "reason": {"type": "string", "minLength": 1, "maxLength": LONGEST_REASON},
                        "methods": {
                            "type": "array",
                            "items": {"enum": list(domains.METHODS)},
                            "minItems": 1,
                            "description": "HTTP methods needed; GET and HEAD when not given.",
                        },
                    },
                    "required": ["host", "reason"],
                    "additionalProperties": False,
                },
                annotations=ToolAnnotations(readOnlyHint=False, openWorldHint=True),
            ),
            Tool(
                name=domains.LIST,
                title="Hosts that can be reached",
                description="Lists the hosts that can be reached right now, and with which methods.",
                inputSchema={"type": "object", "properties": {}, "additionalProperties": False},
                annotations=ToolAnnotations(readOnlyHint=True, openWorldHint=False),
            ),
        )

    async def complete(self, tool: str, arguments: dict[str, object]) -> dict[str, object]:
        if tool == domains.REQUEST and (reason := domains.objection(str(arguments["host"]))):
            raise CannotServe(reason)
        return arguments

    async def call(self, tool: str, arguments: dict[str, object], report: Report) -> CallToolResult:  # noqa: ARG002 -- quick
        hosts = "\n".join(self._reachable()) or "none"
        opened = f"{arguments['host']} is open now. " if tool == domains.REQUEST else ""
        return CallToolResult(content=[TextContent(type="text", text=f"{opened}What can be reached:\n{hosts}")])
