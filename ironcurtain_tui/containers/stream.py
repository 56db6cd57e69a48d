"""The raw byte stream that the engine offers behind an HTTP upgrade (attach).

docker-py hands out the socket below a buffered reader, which may have swallowed the first bytes of the stream
together with the response's head. When an agent that is already drawing is attached to, those bytes matter; here
the head is read to its last byte and not one further. Source: Engine API,
``POST /containers/{id}/attach``, "Hijacking".
"""

from __future__ import annotations

import socket
from urllib.parse import urlencode, urlsplit

from ironcurtain_tui.containers.failures import EngineRefusedError, unavailable

MAX_HEAD = 16 * 1024


def open_stream(address: str, path: str, parameters: dict[str, str], timeout: float) -> socket.socket:
    """Connect to the engine at ``address`` (``unix://`` or ``tcp://``), upgrade, return the non-blocking socket.

    ``timeout``, in seconds, bounds each step. Raises EngineUnavailableError or EngineRefusedError.
    """
    connection = _connect(address, timeout)
    try:
        request = (
            f"POST {path}?{urlencode(parameters)} HTTP/1.1\r\n"
            "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n"
        )
        connection.sendall(request.encode("ascii"))
        head = _read_head(connection)
    except OSError as error:
        connection.close()
        raise unavailable(error, address) from error
    status = int(head[9:12]) if head[9:12].isdigit() else 0
    if status not in {101, 200}:
        connection.close()
        line = head.split(b"\r\n", 1)[0].decode("ascii", "replace")
        raise EngineRefusedError(f"The engine does not attach to the container: {line}", status=status)
    connection.setblocking(False)
    return connection


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
    """The response up to and including its blank line: byte by byte, as what follows belongs to the stream."""
    head = bytearray()
    while not head.endswith(b"\r\n\r\n"):
        if len(head) >= MAX_HEAD or not (byte := connection.recv(1)):
            break
        head += byte
    return bytes(head)
