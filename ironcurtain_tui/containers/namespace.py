"""The network namespace of an agent's container, made before there is one. Blocking.

An engine takes a tenth of a second to make a namespace, and two to put it on a network; to start a container in one
that is there takes none of that. Kubernetes does the same with what it calls a pause container.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import docker.errors

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import explained
from ironcurtain_tui.containers.seccomp import seccomp_profile
from ironcurtain_tui.containers.spec import HOSTNAME, SESSION_LABEL, AgentNetwork, network_options


@dataclass(frozen=True)
class NetworkNamespace:
    """A container that sleeps, in the network namespace that the agent's container is to share."""

    engine: Engine
    holder: AgentContainer
    network: str
    """What it is on: the session's network, or none."""

    @classmethod
    def create(
        cls, engine: Engine, session_id: str, image: str, labels: Mapping[str, str], network: AgentNetwork | None = None
    ) -> Self:
        """``image``: any with a ``sleep``. EngineRefusedError, leaving nothing behind, when that is impossible."""
        owned = {**labels, SESSION_LABEL: session_id}
        body = holder_body(image, owned, network, remapped=engine.info().remaps_users)
        name = f"ironcurtain-{session_id}-namespace"
        with explained("create the container of the network namespace", engine.address):
            created = engine.client.create_container_from_config(body, name)
        holder = AgentContainer(engine.client, engine.address, created["Id"], name)
        try:
            with explained("start the container of the network namespace", engine.address):
                engine.client.start(holder.id)
        except BaseException:
            holder.remove()
            raise
        return cls(engine, holder, body["HostConfig"]["NetworkMode"])

    def stands(self) -> bool:
        """Whether it is still there, on the network it was made for and no other."""
        with explained("inspect the container of the network namespace", self.engine.address):
            try:
                holder = self.engine.client.inspect_container(self.holder.id)
            except docker.errors.NotFound:
                return False
        return holder["State"]["Status"] == "running" and set(holder["NetworkSettings"]["Networks"]) == {self.network}

    def remove(self) -> None:
        """Idempotent. Who shares it keeps ``lo``, and nothing else."""
        self.holder.remove()


def holder_body(
    image: str, labels: Mapping[str, str], network: AgentNetwork | None, *, remapped: bool = False
) -> dict[str, Any]:
    """The request that creates its container. Names and addresses of others are those of the agent's. Pure.

    ``remapped``: as for the agent's container, which shares the namespace only within its own user namespace.
    """
    return {
        "Image": image,
        "Entrypoint": ["sleep"],
        "Cmd": ["infinity"],
        "User": "65534:65534",
        "Hostname": HOSTNAME,
        "Labels": dict(labels),
        "HostConfig": {
            **network_options(network),
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true", f"seccomp={seccomp_profile(datagrams=network is None)}"],
            "Privileged": False,
            "ReadonlyRootfs": True,
            "IpcMode": "private",
            **({"UsernsMode": "host"} if remapped else {}),
            "LogConfig": {"Type": "none"},
        },
    }
