"""Where the two doors of a session are, and how each side finds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ironcurtain_tui.agents.base import MCP_BRIDGE
from ironcurtain_tui.containers.environment import PROXY_URL, tcp_mcp_bridge, tcp_proxy_url
from ironcurtain_tui.containers.sidecar import DoorPorts
from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.listener import HeldListener, TcpListener, TokenListener, UnixListener
from ironcurtain_tui.paths import SessionPaths


@dataclass(frozen=True)
class TcpPart:
    """What only TCP mode has."""

    address: str
    """Of this host, where both doors listen."""
    ports: DoorPorts
    token: str


@dataclass(frozen=True)
class Doorway:
    """Both doors of one session, from this side and from the container's."""

    proxy: HeldListener
    gateway: HeldListener
    proxy_url: str
    """For the programs in the container."""
    mcp_bridge: tuple[str, ...]
    """The command by which an agent reaches the gateway."""
    tcp: TcpPart | None = None

    @classmethod
    def of_sockets(cls, session: SessionPaths, *, shared: bool) -> Self:
        """Unix sockets in the mounted directory; ``shared`` when the agent's uid is not ours."""
        mode = 0o666 if shared else 0o600
        return cls(
            HeldListener(UnixListener(session.proxy_socket, mode)),
            HeldListener(UnixListener(session.mcp_socket, mode), LARGEST_MESSAGE),
            PROXY_URL,
            MCP_BRIDGE,
        )

    @classmethod
    def of_ports(cls, address: str, token: str) -> Self:
        """TCP ports at ``address``, taken at once, that want ``token``. UserFacingError when it is not this host's."""
        proxy = TcpListener(address)
        try:
            gateway = TcpListener(address)
        except BaseException:
            proxy.close()
            raise
        return cls(
            HeldListener(proxy),
            HeldListener(TokenListener(gateway, token), LARGEST_MESSAGE),
            tcp_proxy_url(proxy.port, token),
            tcp_mcp_bridge(gateway.port),
            TcpPart(address, DoorPorts(proxy.port, gateway.port), token),
        )

    async def hold(self) -> None:
        """Let connections come; they wait until proxy and gateway serve them."""
        await self.proxy.hold()
        await self.gateway.hold()

    def shut(self) -> None:
        """For good. Idempotent."""
        self.proxy.close()
        self.gateway.close()

    async def close(self) -> None:
        """The same, for whoever awaits what it undoes."""
        self.shut()
