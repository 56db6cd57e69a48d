"""As much of the Engine API as it takes to misbehave: what a real engine does only on a bad day."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeEngine:
    """Answers /version and /_ping like an engine; ``POST /build`` sends ``build_output``, other posts stay silent."""

    def __init__(self) -> None:
        self.broken = False
        self.build_output: list[dict[str, Any]] = []
        self.asked = threading.Event()
        """Set once a silent call has come in."""
        self.released = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                if fake.broken:
                    self.answer(500, {"message": "the engine is broken"})
                elif self.path.endswith("/version"):
                    self.answer(200, {"ApiVersion": "1.41"})
                elif self.path.endswith("/_ping"):
                    self.answer(200, "OK")
                else:
                    self.answer(404, {"message": "No such image: nothing is here"})

            def do_POST(self) -> None:
                if "/build" in self.path:
                    self.send_response(200)
                    self.send_header("Transfer-Encoding", "chunked")
                    self.end_headers()
                    for chunk in [*(json.dumps(line) + "\r\n" for line in fake.build_output), ""]:
                        self.wfile.write(f"{len(chunk):x}\r\n{chunk}\r\n".encode())
                    self.close_connection = True
                else:
                    fake.asked.set()
                    fake.released.wait(30)
                    self.close_connection = True

            def answer(self, status: int, value: object) -> None:
                body = json.dumps(value).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = True

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class's name)
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.address = f"tcp://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.released.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
