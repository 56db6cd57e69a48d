"""The SDK's client session, with two things it lacks: cancelled requests are cancelled, and its end is noticed."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
from mcp import ClientSession
from mcp.types import (
    CONNECTION_CLOSED,
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
    ErrorData,
    JSONRPCError,
)


class UpstreamSession(ClientSession):
    """A session with a tool server.

    ``news`` is set when nothing more will come from it, which ``ended`` then tells, and may be set by others.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ended = False
        self.news = asyncio.Event()

    async def send_request(self, *arguments: Any, **options: Any) -> Any:
        """As in the SDK; when the caller is cancelled, the server is told (MCP, "Utilities / Cancellation")."""
        identifier = self._request_id
        try:
            return await super().send_request(*arguments, **options)
        except asyncio.CancelledError:
            if not self.ended:
                with anyio.CancelScope(shield=True), anyio.move_on_after(1.0):
                    await self._cancel(identifier)
            raise

    async def _cancel(self, identifier: int) -> None:
        params = CancelledNotificationParams(requestId=identifier, reason="the agent took it back")
        try:
            await self.send_notification(
                ClientNotification(CancelledNotification(method="notifications/cancelled", params=params))
            )
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass  # it is gone itself

    async def _receive_loop(self) -> None:
        try:
            await super()._receive_loop()
        finally:
            self.ended = True
            self.news.set()
            # When the loop is cancelled, the SDK leaves who waits for an answer waiting.
            for identifier, stream in list(self._response_streams.items()):
                error = ErrorData(code=CONNECTION_CLOSED, message="Connection closed")
                try:
                    stream.send_nowait(JSONRPCError(jsonrpc="2.0", id=identifier, error=error))
                except (anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
                    pass  # it has its answer
