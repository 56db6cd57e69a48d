"""The catalogue as a server of the MCP SDK."""

from __future__ import annotations

import logging
from weakref import WeakSet

import anyio
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.server.session import ServerSession
from mcp.types import (
    CallToolRequest,
    GetPromptRequest,
    ListPromptsRequest,
    ListPromptsResult,
    ListResourcesRequest,
    ListResourcesResult,
    ListResourceTemplatesRequest,
    ListResourceTemplatesResult,
    ListToolsRequest,
    ListToolsResult,
    ReadResourceRequest,
    ReadResourceResult,
    ServerResult,
)

from ironcurtain_tui import __version__
from ironcurtain_tui.gateway.catalogue import Catalogue
from ironcurtain_tui.gateway.progress import Progress

log = logging.getLogger(__name__)

NAME = "ironcurtain"


class AgentServer:
    """Serves ``catalogue``; any number of connections at once, each with a session of its own."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._sessions: WeakSet[ServerSession] = WeakSet()
        self.sdk: Server[object] = Server(
            NAME,
            version=__version__,
            instructions="Tools that reach outside the container. Each call is decided on by policy or by a person.",
        )
        # Not by the SDK's decorators: they check arguments and results themselves, unrecorded.
        self.sdk.request_handlers.update(
            {
                ListToolsRequest: self._list_tools,
                CallToolRequest: self._call_tool,
                ListResourcesRequest: self._list_resources,
                ListResourceTemplatesRequest: self._list_templates,
                ReadResourceRequest: self._read_resource,
                ListPromptsRequest: self._list_prompts,
                GetPromptRequest: self._get_prompt,
            }
        )

    @property
    def options(self) -> InitializationOptions:
        """What a client is told of us at the start."""
        changes = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
        return self.sdk.create_initialization_options(changes)

    async def announce_changes(self) -> None:
        """Tell every client that there are other tools, resources and prompts now."""
        for session in list(self._sessions):
            try:
                await session.send_tool_list_changed()
                await session.send_resource_list_changed()
                await session.send_prompt_list_changed()
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._sessions.discard(session)  # it left

    async def _list_tools(self, _: ListToolsRequest) -> ServerResult:
        self._sessions.add(self.sdk.request_context.session)
        return ServerResult(ListToolsResult(tools=await self._catalogue.tools()))

    async def _call_tool(self, request: CallToolRequest) -> ServerResult:
        context = self.sdk.request_context
        token = context.meta.progressToken if context.meta else None
        progress = Progress(context.session, context.request_id, token)
        async with progress.alive():
            result = await self._catalogue.call(request.params.name, request.params.arguments or {}, progress)
        return ServerResult(result)

    async def _list_resources(self, _: ListResourcesRequest) -> ServerResult:
        return ServerResult(ListResourcesResult(resources=await self._catalogue.resources()))

    async def _list_templates(self, _: ListResourceTemplatesRequest) -> ServerResult:
        return ServerResult(ListResourceTemplatesResult(resourceTemplates=await self._catalogue.templates()))

    async def _read_resource(self, request: ReadResourceRequest) -> ServerResult:
        contents = await self._catalogue.read(str(request.params.uri))
        return ServerResult(ReadResourceResult(contents=list(contents)))

    async def _list_prompts(self, _: ListPromptsRequest) -> ServerResult:
        return ServerResult(ListPromptsResult(prompts=await self._catalogue.prompts()))

    async def _get_prompt(self, request: GetPromptRequest) -> ServerResult:
        return ServerResult(await self._catalogue.prompt(request.params.name, request.params.arguments or {}))
