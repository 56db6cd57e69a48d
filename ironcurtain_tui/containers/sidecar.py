"""What the sidecar is: two forwarders between the agent's network and the doors on the host. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from ironcurtain_tui.containers.seccomp import seccomp_profile
from ironcurtain_tui.containers.spec import HOST, MIB, SESSION_LABEL

BRIDGE = "bridge"
"""The engine's default network."""
MEMORY = 64 * MIB
PIDS = 256
"""Every connection is a process of socat's."""


@dataclass(frozen=True)
class DoorPorts:
    """Where proxy and gateway listen, on the host and, by the same numbers, on the sidecar."""

    proxy: int
    mcp: int


@dataclass(frozen=True)
class SidecarSpec:
    """Everything that differs from session to session."""

    session_id: str
    image: str
    ports: DoorPorts
    subnet: IPv4Network
    """Of the agent's network: nobody else is forwarded."""
    host: str
    """The host's address as seen from the default bridge, or ``host-gateway`` for whatever the engine says it is."""
    labels: Mapping[str, str]

    @property
    def name(self) -> str:
        return f"ironcurtain-{self.session_id}-sidecar"


def forwarders(spec: SidecarSpec) -> str:
    """The shell command that is all it does."""
    first, second = (
        f"socat -t 60 TCP-LISTEN:{port},fork,reuseaddr,backlog=128,range={spec.subnet} "
        f"TCP:{HOST}:{port},connect-timeout=5"
        for port in (spec.ports.proxy, spec.ports.mcp)
    )
    return f"{first} & exec {second}"


def open_ports(tables: str) -> set[int]:
    """The ports on which ``tables`` (of ``/proc/net``: tcp, tcp6, udp, udp6) show somebody waiting, not on loopback.

    Source: proc_net(5); state 0A is a listening TCP socket, 07 an unconnected UDP one. The engine's name server
    waits on 127.0.0.11, where nobody else gets.
    """
    found = set()
    for line in tables.splitlines():
        fields = line.split()
        if len(fields) > 3 and fields[0].endswith(":") and fields[3] in {"0A", "07"}:
            address, _, port = fields[1].partition(":")
            if not (len(address) == 8 and address.endswith("7F")):
                found.add(int(port, 16))
    return found


def sidecar_body(spec: SidecarSpec) -> dict[str, Any]:
    """The request that creates it, on the default bridge. It holds nothing, writes nothing and routes nothing."""
    return {
        "Image": spec.image,
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", forwarders(spec)],
        "User": "65534:65534",
        "Hostname": "sidecar",
        "Labels": {**spec.labels, SESSION_LABEL: spec.session_id},
        "HostConfig": {
            "NetworkMode": BRIDGE,
            "ExtraHosts": [f"{HOST}:{spec.host}"],
            "Dns": ["127.0.0.1"],
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true", f"seccomp={seccomp_profile()}"],
            "Privileged": False,
            "ReadonlyRootfs": True,
            "PidsLimit": PIDS,
            "Memory": MEMORY,
            "MemorySwap": MEMORY,
            "Init": True,
            "IpcMode": "private",
            "LogConfig": {"Type": "none"},
            # The engine's default would let it pass packets on from the agent's network to its own.
            "Sysctls": {"net.ipv4.ip_forward": "0"},
        },
    }
