"""The gateway's own tool server: it tells the agent where it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mcp.types import CallToolResult, Resource, TextContent, TextResourceContents, Tool, ToolAnnotations
from pydantic import AnyUrl

from ironcurtain_tui.gateway.tools import CannotServe, Contents, Report, ToolServer

URI = "ironcurtain://session"


class Orientation(ToolServer):
    """One tool, ``where_am_i``, and the same text as a resource. ``describe`` is asked anew each time."""

    name = "ironcurtain"

    def __init__(self, describe: Callable[[], str]) -> None:
        self._describe = describe

    async def tools(self) -> Sequence[Tool]:
        return (
            Tool(
                name="where_am_i",
                title="Where am I?",
                description=(
                    "Tells what holds in this session right now: what can be reached, what is refused and how, where "
                    "to work, and how to ask the person who supervises it. Use it before trying anything outside."
                ),
                inputSchema={"type": "object", "properties": {}, "additionalProperties": False},
                annotations=ToolAnnotations(readOnlyHint=True, openWorldHint=False),
            ),
        )

    async def call(self, tool: str, arguments: dict[str, object], report: Report) -> CallToolResult:  # noqa: ARG002 -- one tool, no arguments
        return CallToolResult(content=[TextContent(type="text", text=self._describe())])

    async def resources(self) -> Sequence[Resource]:
        return (
            Resource(
                uri=AnyUrl(URI),
                name="session",
                title="This session",
                description="What can be reached, what is refused, and how to ask.",
                mimeType="text/plain",
            ),
        )

    async def read(self, uri: str) -> Contents:
        if uri != URI:
            raise CannotServe("there is no such resource")
        return (TextResourceContents(uri=AnyUrl(URI), mimeType="text/plain", text=self._describe()),)
