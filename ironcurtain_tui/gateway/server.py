"""The gateway's socket and its clients."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ironcurtain_tui.gateway.agent_server import AgentServer
from ironcurtain_tui.gateway.catalogue import Catalogue, PathArguments, no_paths
from ironcurtain_tui.gateway.connection import LARGEST_MESSAGE, Connection
from ironcurtain_tui.gateway.gate import Gate
from ironcurtain_tui.gateway.protocol import Fault
from ironcurtain_tui.gateway.tools import ToolServer
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.unix_socket import BoundSocket

MOST_CLIENTS = 32
TOO_MANY = -32000
"""JSON-RPC leaves this code to servers."""


class Gateway:
    """One MCP server towards the agent, for any number of clients (up to MOST_CLIENTS) at once.

    ``shared``: the socket may be used by every user who can reach its directory, for when the agent's uid is not
    ours. Every call goes through ``gate``. ``workspace`` and ``path_arguments``: which paths are translated between
    the container's names and the host's; none without.
    """

    def __init__(
        self,
        socket_path: Path,
        servers: Sequence[ToolServer],
        gate: Gate,
        *,
        shared: bool = False,
        workspace: WorkspacePaths | None = None,
        path_arguments: PathArguments = no_paths,
    ) -> None:
        self._path = socket_path
        self._mode = 0o666 if shared else 0o600
        self._mcp = AgentServer(Catalogue(servers, gate, workspace, path_arguments))
        self._socket: BoundSocket | None = None
        self._listening: asyncio.Server | None = None
        self._tasks = TaskOwner()
        self.clients = 0
        """How many are connected."""

    async def start(self) -> None:
        """Bind and listen; UserFacingError when that is impossible."""
        self._socket = BoundSocket.bind(self._path, self._mode)
        self._listening = await asyncio.start_unix_server(self._accept, sock=self._socket.socket, limit=LARGEST_MESSAGE)

    async def stop(self) -> None:
        """Take the socket away, cut every client and cancel what is under way for them."""
        if self._socket is not None:
            self._socket.remove()
            self._socket = None
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        await self._tasks.close()

    def announce_changes(self) -> None:
        """Tell every client, soon, that a server came or went."""
        if self._listening is not None:
            self._tasks.start(self._mcp.announce_changes(), "announcement of changed tools")

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.clients >= MOST_CLIENTS:
            writer.write(Fault(TOO_MANY, f"The gateway serves {MOST_CLIENTS} clients at most").line())
            writer.close()
            return
        self.clients += 1
        self._tasks.start(self._serve(Connection(reader, writer, self._mcp)), "mcp client")

    async def _serve(self, connection: Connection) -> None:
        try:
            await connection.serve()
        finally:
            self.clients -= 1
