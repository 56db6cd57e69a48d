"""Where a host name leads, and whether anything may go there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ironcurtain_tui.policy.address import is_public
from ironcurtain_tui.proxy.parent import ParentProxy, Parents
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import Destination, ProviderDestination

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host name, in the order to try them; OSError when there are none."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver (RFC 6724 order: families without a route come last)."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


@dataclass(frozen=True)
class Way:
    """How to get to a destination."""

    addresses: tuple[str, ...]
    """To be tried in this order; behind a parent proxy the name itself, which the parent looks up."""
    port: int
    parent: ParentProxy | None = None


class Ways:
    """Finds the way to a destination, and refuses those that lead to no public place.

    Behind a parent proxy that can be checked only as far as this machine knows the name: it is the parent that looks
    it up, and decides.
    """

    def __init__(
        self,
        resolve: Resolve = resolve,
        names_address: Callable[[str], bool] = lambda _: False,
        parents: Parents | None = None,
    ) -> None:
        """``names_address``: whether a private address may be dialled, because the policy names it."""
        self._resolve = resolve
        self._names_address = names_address
        self.parents = parents or Parents()

    async def to(self, destination: Destination, port: int) -> Way:
        """The way to ``destination``. Refusal 502 when there is none."""
        if destination.upstream is not None:
            return Way((destination.upstream.host,), destination.upstream.port)
        host = destination.name
        if self.parents.parent is not None and host == self.parents.parent.host:
            raise Refusal(403, f"{host} is the proxy of this network, which is not the agent's to use")
        parent = self.parents.of(destination)
        try:
            addresses = await self._resolve(host, port)
        except OSError as error:
            if parent is None:
                raise Refusal(502, f"the name {host} cannot be resolved", no_way=True) from error
            addresses = []
        named = destination.may_lie_at if isinstance(destination, ProviderDestination) else self._names_address
        if not all(is_public(each) or named(each) for each in addresses):
            raise Refusal(502, f"{host} leads to an address that is not public")
        if parent is not None:
            return Way((host,), port, parent)
        if not addresses:
            raise Refusal(502, f"the name {host} has no address", no_way=True)
        return Way(tuple(addresses), port)
