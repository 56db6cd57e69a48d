"""Which addresses a session's network may have. Pure."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network

POOLS = tuple(IPv4Network(pool) for pool in ("172.20.0.0/14", "172.24.0.0/14", "172.28.0.0/14", "10.240.0.0/12"))
"""Private ranges (RFC 1918) away from the engine's usual 172.17.0.0/16 to 172.19.0.0/16."""
PREFIX = 29
"""Six usable addresses: gateway, sidecar, agent, and room to spare."""
SMALLEST_ROUTE = 8
"""Routes to more than a /8 (a default route, a VPN that takes everything) say nothing about who uses an address."""


def candidates(name: str, taken: Iterable[IPv4Network]) -> Iterator[IPv4Network]:
    """Subnets that overlap with none ``taken``, beginning at a place in the pools that depends on ``name``.

    Concurrent starts of sessions with different names thus rarely meet. Every free subnet comes once.
    """
    avoided = [
        (int(network.network_address), int(network.broadcast_address))
        for network in taken
        if network.prefixlen >= SMALLEST_ROUTE
    ]
    sizes = [1 << (PREFIX - pool.prefixlen) for pool in POOLS]
    total = sum(sizes)
    start = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) % total
    for step in range(total):
        number = (start + step) % total
        for pool, size in zip(POOLS, sizes, strict=True):
            if number < size:
                first = int(pool.network_address) + (number << (32 - PREFIX))
                last = first + (1 << (32 - PREFIX)) - 1
                if not any(low <= last and first <= high for low, high in avoided):
                    yield IPv4Network((first, PREFIX))
                break
            number -= size


def kernel_routes(table: str) -> list[IPv4Network]:
    """The destinations in ``/proc/net/route``, which has an interface's own subnet among them. Source: proc_net(5).

    Addresses are hexadecimal in the byte order of the machine, little-endian wherever we run.
    """
    networks = []
    for line in table.splitlines()[1:]:
        fields = line.split()
        destination, mask = (int.from_bytes(bytes.fromhex(fields[column]), "little") for column in (1, 7))
        networks.append(IPv4Network((destination, str(ipaddress.IPv4Address(mask)))))
    return networks


def engine_subnets(networks: Iterable[dict[str, object]]) -> list[IPv4Network]:
    """The IPv4 subnets of networks as the engine lists them (``GET /networks``)."""
    found = []
    for network in networks:
        ipam = network.get("IPAM")
        configs = (ipam.get("Config") if isinstance(ipam, dict) else None) or ()
        for config in configs:
            subnet = ipaddress.ip_network(config["Subnet"], strict=False) if config.get("Subnet") else None
            if isinstance(subnet, IPv4Network):
                found.append(subnet)
    return found
