"""A provider that costs next to nothing: TLS, a thread a connection, TCP_NODELAY, answers of any size.

Arguments: the file with its key and certificate chain. Prints its port. The header ``x-size`` of a request
tells how many bytes of server-sent events to answer with, ``x-pause`` how many seconds to wait after each event.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time

EVENT = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"text":"word "}}\n\n'
BLOCK = (EVENT * (1 + (1 << 18) // len(EVENT)))[: 1 << 18]


def serve(connection: socket.socket, context: ssl.SSLContext) -> None:
    """Answer request after request until the other side closes."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        with context.wrap_socket(connection, server_side=True) as stream:
            buffer = b""
            while True:
                while b"\r\n\r\n" not in buffer:
                    piece = stream.recv(65536)
                    if not piece:
                        return
                    buffer += piece
                head, _, buffer = buffer.partition(b"\r\n\r\n")
                fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
                left = int(fields.get(b"content-length", b"0")) - len(buffer)
                while left > 0:
                    left -= len(stream.recv(65536))
                buffer = b""
                _answer(stream, int(fields[b"x-size"]), float(fields.get(b"x-pause", b"0")))
    except (OSError, ValueError):
        pass  # the other side left


def _answer(stream: ssl.SSLSocket, size: int, pause: float) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {size}\r\n\r\n".encode()
    most = len(EVENT) if pause else len(BLOCK)
    stream.sendall(head + BLOCK[: min(size, most)])
    size -= most
    while size > 0:
        time.sleep(pause)
        stream.sendall(BLOCK[: min(size, most)])
        size -= most


def main() -> None:
    """Serve until terminated."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1])
    context.set_alpn_protocols(["http/1.1"])
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection, context), daemon=True).start()


if __name__ == "__main__":
    main()
