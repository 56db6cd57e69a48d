"""In TCP mode: what stands between a container and its doors, made before anybody knows what is to run there."""

from __future__ import annotations

import asyncio
import secrets
import sys
from dataclasses import dataclass
from typing import Self

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.network import SessionNetwork, door_address
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor.doorway import Doorway


@dataclass(frozen=True)
class Approach:
    """Doors, network and sidecar of a session that may come. Their labels say that they are the calling process's.

    The ports of the doors are taken, but shut: until ``doorway.hold`` whoever comes is refused, and afterwards nobody
    is served without the token.
    """

    doorway: Doorway
    token: str
    network: SessionNetwork

    @classmethod
    def prepare(cls, engine: Engine, session_id: str, sidecar_image: str) -> Self:
        """Make all of it. Blocks. UserFacingError, leaving nothing behind, when that is impossible."""
        address, token = door_address(engine, sys.platform), secrets.token_hex(16)
        doorway = Doorway.of_ports(address, token)
        try:
            if doorway.tcp is None:
                raise AssertionError("these doors are ports")
            labels, ports = ProcessIdentity.current().labels(), doorway.tcp.ports
            network = SessionNetwork.create(engine, session_id, sidecar_image, ports, address, labels)
        except BaseException:
            doorway.shut()
            raise
        return cls(doorway, token, network)

    def stands(self, engine: Engine, sidecar_image: str) -> bool:
        """Whether a session of ``engine`` that wants ``sidecar_image`` can still use it. Blocks for two short calls."""
        return self.network.stands(engine, sidecar_image)

    async def remove(self) -> None:
        """Shut the doors, and remove sidecar and network. Idempotent."""
        self.doorway.shut()
        await asyncio.to_thread(self.network.remove)
