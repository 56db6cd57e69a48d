"""What stands between an agent and its doors, made before anybody knows which agent, and on what it is to work."""

from __future__ import annotations

import asyncio
import os
import secrets
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Self

from ironcurtain_tui.containers.engine import Engine, engine_address
from ironcurtain_tui.containers.namespace import NetworkNamespace
from ironcurtain_tui.containers.network import Mode, SessionNetwork, door_address
from ironcurtain_tui.containers.self_test import Finding, forwarders
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor.doorway import Doorway


@dataclass(frozen=True)
class Approach:
    """The network namespace of a session that may come; in TCP mode with its doors' ports, network and sidecar.

    The ports are taken, but shut: until ``doorway.hold`` whoever comes is refused, and afterwards nobody is served
    without the token. What is on the engine is the calling process's, as its labels say.
    """

    namespace: NetworkNamespace
    token: str
    """What the doors want, where they are ports."""
    doorway: Doorway | None = None
    """In TCP mode; else there are no doors yet: their sockets lie in the session's directory."""
    network: SessionNetwork | None = None
    forwarders: Finding | None = None
    """What the self-test has found on the sidecar, which nothing changes from then on."""

    @classmethod
    def prepare(cls, engine: Engine, session_id: str, mode: Mode, image: str) -> Self:
        """Make it; blocks for half a second. ``image``: in TCP mode the sidecar's, else any of ours.

        UserFacingError, leaving nothing behind, when that is impossible.
        """
        labels, token = ProcessIdentity.current().labels(), secrets.token_hex(16)
        if mode == "uds":
            return cls(NetworkNamespace.create(engine, session_id, image, labels), token)
        with ExitStack() as failure:
            doorway = Doorway.of_ports(door_address(engine, sys.platform), token)
            failure.callback(doorway.shut)
            if (tcp := doorway.tcp) is None:
                raise AssertionError("these doors are ports")
            network = SessionNetwork.create(engine, session_id, image, tcp.ports, tcp.address, labels)
            failure.callback(network.remove)
            found = forwarders(network)
            namespace = NetworkNamespace.create(engine, session_id, image, labels, network.agents_part)
            failure.pop_all()
        return cls(namespace, token, doorway, network, found)

    @property
    def engine(self) -> Engine:
        """Where it was made."""
        return self.namespace.engine

    @property
    def parts(self) -> tuple[str, ...]:
        """What is on the engine, in words."""
        holder = f"container {self.namespace.holder.name}"
        if self.network is None:
            return (holder,)
        return holder, f"container {self.network.sidecar.name}", f"network {self.network.name}"

    def lasts(self) -> bool:
        """Whether its engine is the one that is chosen now, and was not restarted. Blocks for a short call."""
        return engine_address(os.environ) == self.engine.address and self.namespace.stands()

    def stands(self, mode: Mode, sidecar_image: str) -> bool:
        """Whether a session in ``mode`` can use it: no part was removed, or is on other networks than it was made for.

        Blocks for at most three short calls.
        """
        if (mode == "uds") is not (self.network is None) or not self.lasts():
            return False
        return self.network is None or self.network.stands(sidecar_image)

    async def remove(self) -> None:
        """Shut the doors, and remove what is on the engine. Idempotent."""
        if self.doorway is not None:
            self.doorway.shut()
        await asyncio.to_thread(self.namespace.remove)
        if self.network is not None:
            await asyncio.to_thread(self.network.remove)
