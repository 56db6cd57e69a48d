"""Telling a client how far its call has come, and that it is still alive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp.server.session import ServerSession
from mcp.types import ProgressToken, RequestId

from ironcurtain_tui.tasks import TaskOwner

BEAT_SECONDS = 10.0
"""A client that counts the time since it last heard of a call hears of it this often."""
_STEP = 1e-6
"""What a sign of life adds: MCP wants every notification to name more progress than the one before."""


class Progress:
    """Progress notifications of one request; none when its client gave no token for them."""

    def __init__(self, session: ServerSession, request: RequestId, token: ProgressToken | None) -> None:
        self._session = session
        self._request = request
        self._token = token
        self._reached = -1.0

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        if self._token is None or progress <= self._reached:
            return
        self._reached = progress
        await self._session.send_progress_notification(self._token, progress, total, message, str(self._request))

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """While inside, the client gets a sign of life every ten seconds."""
        beating = TaskOwner()
        if self._token is not None:
            beating.start(self._beat(), "signs of life")
        try:
            yield
        finally:
            await beating.close()

    async def _beat(self) -> None:
        seconds = 0.0
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            seconds += BEAT_SECONDS
            await self(max(self._reached, 0.0) + _STEP, None, f"Still under way after {seconds:.0f} s")
