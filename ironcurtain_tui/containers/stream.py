"""The byte streams that the engine offers behind an HTTP upgrade (attach, exec).

docker-py hands out the socket below a buffered reader, which may have swallowed the first bytes of the stream
together with the response's head. When an agent that is already drawing is attached to, those bytes matter; here
the head is read to its last byte and not one further. Nor does docker-py bound how long a command may take.
Source: Engine API, ``POST /containers/{id}/attach``, "Hijacking" and "Stream format".
"""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from ironcurtain_tui.containers.failures import EngineRefusedError, unavailable

MAX_HEAD = 16 * 1024
FRAME_HEAD = 8


def open_stream(address: str, path: str, timeout: float, body: bytes = b"") -> socket.socket:
    """Post ``body`` (JSON) to ``path`` of the engine at ``address``, upgrade, and return the non-blocking socket.

    ``address`` is ``unix://`` or ``tcp://``; ``timeout``, in seconds, bounds each step. Raises
    EngineUnavailableError or EngineRefusedError.
    """
    connection = _connect(address, timeout)
    try:
        head = (
            f"POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection.sendall(head.encode("ascii") + body)
        answer = _read_head(connection)
    except OSError as error:
        connection.close()
        raise unavailable(error, address) from error
    status = int(answer[9:12]) if answer[9:12].isdigit() else 0
    if status not in {101, 200}:
        connection.close()
        line = answer.split(b"\r\n", 1)[0].decode("ascii", "replace")
        raise EngineRefusedError(f"The engine does not open the container's stream: {line}", status=status)
    connection.setblocking(False)
    return connection


class Demultiplexer:
    """Takes apart the two output streams of a command without a terminal. Sans-io.

    Each piece comes after eight bytes: which stream, three zeros, its length (big endian).
    """

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """The pieces that ``data`` completes, each with its stream: 1 standard output, 2 standard error."""
        self._pending += data
        pieces, start = [], 0
        while len(self._pending) - start >= FRAME_HEAD:
            body = start + FRAME_HEAD
            end = body + int.from_bytes(self._pending[start + 4 : body], "big")
            if end > len(self._pending):
                break
            pieces.append((self._pending[start], bytes(self._pending[body:end])))
            start = end
        del self._pending[:start]
        return pieces


def read_output(connection: socket.socket, timeout: float, limit: int) -> bytes:
    """Both output streams of a command without a terminal, as they come, up to ``limit`` bytes; the rest is dropped.

    Raises TimeoutError when the command has not ended after ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    output, streams = bytearray(), Demultiplexer()
    while True:
        connection.settimeout(max(deadline - time.monotonic(), 0.001))
        chunk = connection.recv(65536)
        if not chunk:
            return bytes(output[:limit])
        for _, piece in streams.feed(chunk):
            if len(output) < limit:
                output += piece


def _connect(address: str, timeout: float) -> socket.socket:
    parts = urlsplit(address)
    try:
        if parts.scheme == "unix":
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(timeout)
            connection.connect(parts.path)
            return connection
        return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 2375), timeout)
    except OSError as error:
        raise unavailable(error, address) from error


def _read_head(connection: socket.socket) -> bytes:
    """The response up to and including its blank line: byte by byte, as what follows belongs to the stream.

    Empty when there is no such head.
    """
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        if len(head) >= MAX_HEAD or not (byte := connection.recv(1)):
            return b""
        head += byte
    return bytes(head)
