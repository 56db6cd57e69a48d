"""The raw byte stream of the agent's terminal: a non-blocking stream socket, as ``docker attach`` gives it.

Backpressure is the kernel's: while ``on_data`` waits, nothing is read, the socket fills, and the agent blocks.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

READ_SIZE = 1 << 16
READ_BUDGET = 0.004
"""Seconds of reading before what was read is handed on."""
BATCH_LIMIT = 1 << 18
"""Bytes handed on at once, roughly."""
UNSENT_LIMIT = 1 << 18
"""Bytes of input waiting for an agent that does not read; more is dropped."""


@dataclass
class Traffic:
    """What went over a stream so far."""

    received: int = 0
    sent: int = 0
    dropped: int = 0
    """Bytes of input the agent had no room for."""
    waited: float = 0.0
    """Seconds the agent's output had to wait for us."""


class PtyStream:
    """Reads the agent's output in ``run`` and writes its input. Owns ``sock`` and closes it."""

    def __init__(
        self,
        sock: socket.socket,
        on_data: Callable[[bytes], Awaitable[None]],
        on_eof: Callable[[OSError | None], object],
    ) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._on_data = on_data
        self._on_eof = on_eof
        self._unsent = bytearray()
        self._closed = False
        self.traffic = Traffic()

    async def run(self) -> None:
        """Pass output on until the other side closes, then report it once. Cancelling it only stops reading."""
        loop = asyncio.get_running_loop()
        error: OSError | None = None
        try:
            while data := await loop.sock_recv(self._sock, READ_SIZE):
                batch = self._read_more(data)
                self.traffic.received += len(batch)
                before = time.monotonic()
                await self._on_data(batch)
                self.traffic.waited += time.monotonic() - before
        except OSError as failure:
            error = failure
        self.close()
        self._on_eof(error)

    def _read_more(self, data: bytes) -> bytes:
        """What else is there right now, so that a flood is handed on in few large pieces."""
        parts, size, stop = [data], len(data), time.monotonic() + READ_BUDGET
        while size < BATCH_LIMIT and time.monotonic() < stop:
            try:
                more = self._sock.recv(READ_SIZE)
            except OSError:  # nothing more now; a real failure shows up at the next read
                break
            if not more:
                break
            parts.append(more)
            size += len(more)
        return b"".join(parts)

    def write(self, data: bytes) -> bool:
        """Send input to the agent without waiting; False when there was no room and all of it was dropped."""
        if self._closed:
            return False
        if len(self._unsent) + len(data) > UNSENT_LIMIT:
            self.traffic.dropped += len(data)
            return False
        waiting = bool(self._unsent)
        self._unsent += data
        if not waiting and not self._send():
            asyncio.get_running_loop().add_writer(self._sock, self._writable)
        return True

    def _send(self) -> bool:
        """Send what the kernel takes; True when nothing is left."""
        try:
            sent = self._sock.send(self._unsent)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # the reader sees the end
            self._unsent.clear()
            return True
        self.traffic.sent += sent
        del self._unsent[:sent]
        return not self._unsent

    def _writable(self) -> None:
        if self._send():
            asyncio.get_running_loop().remove_writer(self._sock)

    def close(self) -> None:
        """Close the socket. Safe to call twice; cancel ``run`` first."""
        if self._closed:
            return
        self._closed = True
        loop = asyncio.get_running_loop()
        loop.remove_writer(self._sock)
        loop.remove_reader(self._sock)
        self._sock.close()
