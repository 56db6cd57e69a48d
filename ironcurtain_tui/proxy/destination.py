"""Where a host name leads."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Addresses of a host name, in the order to try them; OSError when there are none."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver (RFC 6724 order: families without a route come last)."""
    answers = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
