"""The gateway's door and its clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.gateway.agent_server import AgentServer
from ironcurtain_tui.gateway.catalogue import Catalogue, PathArguments, no_paths
from ironcurtain_tui.gateway.connection import Connection
from ironcurtain_tui.gateway.gate import Gate
from ironcurtain_tui.gateway.protocol import Fault
from ironcurtain_tui.gateway.tools import ToolServer
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths
from ironcurtain_tui.listener import Listener
from ironcurtain_tui.tasks import TaskOwner

MOST_CLIENTS = 32
TOO_MANY = -32000
"""JSON-RPC leaves this code to servers."""


class Gateway:
    """One MCP server towards the agent at ``door``, for any number of clients (up to MOST_CLIENTS) at once.

    Every call goes through ``gate``. ``workspace`` and ``path_arguments``: which paths are translated between
    the container's names and the host's; none without.
    """

    def __init__(
        self,
        door: Listener,
        servers: Sequence[ToolServer],
        gate: Gate,
        *,
        workspace: WorkspacePaths | None = None,
        path_arguments: PathArguments = no_paths,
    ) -> None:
        self._door = door
        self._gate = gate
        self._mcp = AgentServer(Catalogue(servers, gate, workspace, path_arguments))
        self._listening = False
        self._tasks = TaskOwner()
        self.clients = 0
        """How many are connected."""

    async def start(self) -> None:
        """Open the door; UserFacingError when that is impossible."""
        await self._door.open(self._accept, limit=LARGEST_MESSAGE)
        self._listening = True

    async def stop(self) -> None:
        """Close the door, cut every client and cancel what is under way for them."""
        self._door.close()
        self._listening = False
        await self._tasks.close()

    def announce_changes(self) -> None:
        """Tell every client, soon, that a server came or went."""
        if self._listening:
            self._tasks.start(self._mcp.announce_changes(), "announcement of changed tools")

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.clients >= MOST_CLIENTS:
            writer.write(Fault(TOO_MANY, f"The gateway serves {MOST_CLIENTS} clients at most").line())
            writer.close()
            return
        self.clients += 1
        self._tasks.start(self._serve(Connection(reader, writer, self._mcp, self._gate.unpaused)), "mcp client")

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.serve()
        finally:
            self.clients -= 1
