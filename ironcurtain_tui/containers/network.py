"""TCP mode: a network of the session's own that leads to its sidecar, and nowhere else. Blocking.

For engines that cannot mount a socket of this host into a container, such as Docker Desktop, which runs in a virtual
machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import islice
from pathlib import Path
from typing import Literal, Self

import docker.errors

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.engine_info import EngineInfo
from ironcurtain_tui.containers.failures import EngineRefusedError, explained
from ironcurtain_tui.containers.sidecar import BRIDGE, DoorPorts, SidecarSpec, sidecar_body
from ironcurtain_tui.containers.spec import SESSION_LABEL, AgentNetwork
from ironcurtain_tui.containers.subnet import candidates, kernel_routes
from ironcurtain_tui.errors import UserFacingError

Mode = Literal["uds", "tcp"]
TRIES = 16
"""Subnets that may turn out to be taken before we give up."""
TAKEN = 409
"""The engine's status for a name that something else has."""
ROUTES = Path("/proc/net/route")
INTERFACES = Path("/sys/class/net")
ADDRESS_SET = "3"
"""As the kernel writes NET_ADDR_SET."""
DESKTOP = "docker desktop"
LOOPBACK = "127.0.0.1"


def network_mode(wanted: Literal["auto", "uds", "tcp"], platform: str, engine: EngineInfo, kernel: str = "") -> Mode:
    """Which mode a session uses; ``platform`` is ``sys.platform``, ``kernel`` our own kernel's release. Pure.

    Raises UserFacingError when ``wanted`` cannot work with this engine, or when its containers run on another kernel
    where none of the modes can: a socket leads nowhere there, and the doors' addresses are not this machine's.
    """
    if platform != "darwin" and not _desktop(engine) and kernel and engine.kernel and kernel != engine.kernel:
        raise UserFacingError(
            "The Docker Engine runs its containers on another machine, virtual or real: "
            f"its kernel is {engine.kernel}, this one's {kernel}.",
            "Use an engine of this machine (DOCKER_HOST, `docker context ls`), or run ironcurtain-tui over there.",
        )
    mountable = platform != "darwin" and not _desktop(engine)
    if wanted == "uds" and not mountable:
        raise UserFacingError(
            "Docker Desktop cannot mount a socket of this machine, so network mode uds cannot work.",
            'Set mode = "auto" or "tcp" under [network] in config.toml.',
        )
    if wanted == "tcp" and engine.rootless and mountable:
        raise UserFacingError(
            "TCP mode does not work with a rootless Docker Engine: its networks are in a namespace of their own, from "
            "where nothing of this machine can be reached, the doors neither.",
            'Set mode = "auto" or "uds" under [network] in config.toml: sockets work.',
        )
    if wanted == "auto":
        return "uds" if mountable else "tcp"
    return wanted


def door_address(engine: Engine, platform: str) -> str:
    """Where on this host the doors listen so that only containers on the default bridge, and this host, get there."""
    if platform == "darwin" or _desktop(engine.info()):
        return LOOPBACK  # Docker Desktop brings what containers send to host.docker.internal to loopback
    return engine.bridge_gateway()


def address_wanders(interface: str) -> bool:
    """Whether the bridge ``interface`` of this host takes its hardware address from its ports, as without udev it may.

    It then changes when a container starts or ends, and what other containers send to this host is lost until they ask
    for the address again, up to half a minute later. Source: sysfs-class-net; br_stp_recalculate_bridge_id of Linux
    leaves an address alone that somebody has set.
    """
    try:
        return (INTERFACES / interface / "addr_assign_type").read_text().strip() != ADDRESS_SET
    except OSError:
        return False  # not of this host


def _desktop(engine: EngineInfo) -> bool:
    return DESKTOP in engine.operating_system.lower()


@dataclass(frozen=True)
class SessionNetwork:
    """The network of one session, with its sidecar."""

    engine: Engine
    id: str
    name: str
    subnet: IPv4Network
    ports: DoorPorts
    sidecar: AgentContainer

    @classmethod
    def create(
        cls, engine: Engine, session_id: str, image: str, ports: DoorPorts, host: str, labels: Mapping[str, str]
    ) -> Self:
        """Network, sidecar, and the sidecar at work on the network, in this order. ``host``: where the doors listen.

        Raises EngineRefusedError, leaving nothing behind.
        """
        network = cls.lay(engine, session_id, image, ports, host, labels)
        try:
            network.start()
        except BaseException:
            network.remove()
            raise
        return network

    @classmethod
    def lay(
        cls, engine: Engine, session_id: str, image: str, ports: DoorPorts, host: str, labels: Mapping[str, str]
    ) -> Self:
        """The first half of it, up to where the agent's container can be created."""
        owned = {**labels, SESSION_LABEL: session_id}
        network, name, subnet = _create_network(engine, session_id, owned)
        try:
            target = "host-gateway" if host == LOOPBACK else host
            sidecar = _create_sidecar(engine, SidecarSpec(session_id, image, ports, subnet, target, labels))
        except BaseException:
            engine.remove_network(network)
            raise
        return cls(engine, network, name, subnet, ports, sidecar)

    def start(self) -> None:
        """The second half, which may go on while the agent's container starts.

        Raises EngineRefusedError, also when the engine gives the sidecar another address than the one it is to have.
        """
        with explained("start the sidecar", self.engine.address):
            self.engine.client.start(self.sidecar.id)
        self.engine.connect_network(self.id, self.sidecar.id, self.sidecar_address)
        given = self.engine.container_ip(self.sidecar.id, self.name)
        if given != self.sidecar_address:
            raise EngineRefusedError(f"The engine gave the sidecar {given} instead of {self.sidecar_address}.")

    @property
    def sidecar_address(self) -> str:
        """The subnet's last: it is told to the agent's container before the sidecar has it.

        Others on the network do not get it: the engine gives out the lowest that is free.
        """
        return str(self.subnet[-2])

    @property
    def agents_part(self) -> AgentNetwork:
        """What the agent's container must know of it."""
        return AgentNetwork(self.name, self.sidecar_address)

    def stands(self, image: str) -> bool:
        """Whether it is still whole, with its sidecar at work and made of what ``image`` means by now.

        It is no more once the engine was restarted, or somebody removed or disconnected a part of it.
        """
        with explained("inspect the sidecar", self.engine.address):
            try:
                sidecar = self.engine.client.inspect_container(self.sidecar.id)
                made_of = self.engine.client.inspect_image(image)["Id"]
            except docker.errors.NotFound:
                return False
        networks = sidecar["NetworkSettings"]["Networks"] or {}
        here = networks.get(self.name) or {}
        return bool(
            sidecar["State"]["Status"] == "running"
            and sidecar["Image"] == made_of
            and (here.get("NetworkID"), here.get("IPAddress")) == (self.id, self.sidecar_address)
            and set(networks) == {self.name, BRIDGE}
        )

    def remove(self) -> None:
        """Remove the sidecar, then the network, unless somebody else has joined it. Idempotent."""
        self.sidecar.remove()
        self.engine.remove_network(self.id)


def _create_network(engine: Engine, session_id: str, labels: Mapping[str, str]) -> tuple[str, str, IPv4Network]:
    name = f"ironcurtain-{session_id}"
    taken = engine.subnets()
    if ROUTES.exists():
        taken += kernel_routes(ROUTES.read_text())
    for subnet in islice(candidates(name, taken), TRIES):
        try:
            return engine.create_network(name, subnet, labels), name, subnet
        except EngineRefusedError as error:
            if error.status == TAKEN:  # one that was prepared for the session, and that others have joined since
                name += "-again"
            elif "overlap" not in error.message.lower():
                raise
    raise EngineRefusedError(
        f"The engine took none of {TRIES} subnets for the session's network.",
        "Remove networks that nothing uses: `ironcurtain-tui gc`, and `docker network prune` for those of others.",
    )


def _create_sidecar(engine: Engine, spec: SidecarSpec) -> AgentContainer:
    try:
        with explained("create the sidecar", engine.address):
            created = engine.client.create_container_from_config(sidecar_body(spec), spec.name)
    except EngineRefusedError as error:
        if error.status == 404 and "image" in error.message.lower():
            raise EngineRefusedError(
                f"The sidecar's image {spec.image} is not there.",
                "Build it: `ironcurtain-tui image build sidecar`.",
                error.status,
            ) from error
        raise
    return AgentContainer(engine.client, engine.address, created["Id"], spec.name)
