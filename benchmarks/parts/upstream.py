"""A provider that costs next to nothing: TLS, a thread a connection, TCP_NODELAY, answers of any size.

Arguments: the file with its key and certificate chain. Prints its port. The header ``x-size`` of a request
tells how many bytes of server-sent events to answer with.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading

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
                _answer(stream, int(fields[b"x-size"]))
    except (OSError, ValueError):
        pass  # the other side left


def _answer(stream: ssl.SSLSocket, size: int) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: {size}\r\n\r\n".encode()
    stream.sendall(head + BLOCK[: min(size, len(BLOCK))])
    size -= len(BLOCK)
    while size > 0:
        stream.sendall(BLOCK[: min(size, len(BLOCK))])
        size -= len(BLOCK)


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
