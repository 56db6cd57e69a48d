"""One client of the gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import anyio
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, JSONRPCError, JSONRPCMessage, JSONRPCRequest, JSONRPCResponse

from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.gateway.agent_server import AgentServer
from ironcurtain_tui.gateway.protocol import Fault, read_message, write_message

log = logging.getLogger(__name__)

MOST_UNANSWERED = 64
"""Requests of one client that may be under way; further ones are not read until one is answered."""


class Connection:
    """Newline-delimited JSON-RPC between a pair of streams and a session of its own with ``server``."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server: AgentServer,
        unpaused: Callable[[], Awaitable[None]],
    ) -> None:
        """``unpaused`` returns when answers may go out; calls wait at the gate, and what takes one back must not."""
        self._unpaused = unpaused
        self._reader = reader
        self._writer = writer
        self._server = server
        self._places = asyncio.Semaphore(MOST_UNANSWERED)
        self._answered = False

    async def serve(self) -> None:
        """Serve until the client leaves; what is under way for it is then cancelled."""
        requests, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing, answers = anyio.create_memory_object_stream[SessionMessage](0)
        reason = "it was cut off"
        try:
            async with asyncio.TaskGroup() as group, requests, incoming, outgoing, answers:
                reading = group.create_task(self._read(requests), name="mcp reading")
                writing = group.create_task(self._write(answers), name="mcp writing")
                await self._server.sdk.run(incoming, outgoing, self._server.options)
                reading.cancel()
                writing.cancel()
            reason = "it left"
        except* (ConnectionError, anyio.BrokenResourceError, anyio.ClosedResourceError) as errors:
            reason = repr(errors.exceptions[0])  # the client left in the middle
        finally:
            self._writer.close()
            if not self._answered:
                log.warning("a client of the gateway got no answer at all: %s", reason)

    async def _read(self, requests: anyio.abc.ObjectSendStream[SessionMessage | Exception]) -> None:
        async with requests:
            while (line := await self._line()) is not None:
                if not line.strip():
                    continue
                match read_message(line):
                    case Fault() as fault:
                        await self._send(fault.line())
                    case JSONRPCMessage() as message:
                        if isinstance(message.root, JSONRPCRequest):
                            await self._places.acquire()
                        await requests.send(SessionMessage(message))

    async def _line(self) -> bytes | None:
        try:
            return await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            return None
        except asyncio.LimitOverrunError:
            # Skipping it would leave the caller waiting for an answer: its identifier was never read.
            await self._send(Fault(INVALID_REQUEST, f"A message may have {LARGEST_MESSAGE} bytes at most").line())
            return None

    async def _write(self, answers: anyio.abc.ObjectReceiveStream[SessionMessage]) -> None:
        async for answer in answers:
            await self._unpaused()
            await self._send(write_message(answer.message))
            self._answered = True
            if isinstance(answer.message.root, (JSONRPCResponse, JSONRPCError)):
                self._places.release()

    async def _send(self, line: bytes) -> None:
        self._writer.write(line)
        await self._writer.drain()
