"""An authorization server that hands each refresh token's successor out once, as the real ones do."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class TokenServer:
    """Speaks HTTP on the loopback interface."""

    def __init__(self) -> None:
        self.valid = {"refresh-token-number-0"}
        self.issued: list[tuple[str, str]] = []
        self.asked: list[dict[str, str]] = []
        self.delay = 0.0
        self.may_answer = threading.Event()
        """Cleared: what was asked is decided on, and the answer stays under way."""
        self.may_answer.set()
        self.expires_in = 28800
        self.failure: tuple[int, dict[str, object]] | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/oauth/token"

    def answer(self, form: dict[str, str]) -> tuple[int, dict[str, object]]:
        with self._lock:
            self.asked.append(form)
            if self.failure is not None:
                return self.failure
            spent = form["refresh_token"]
            if spent not in self.valid:
                return 400, {"error": "invalid_grant", "error_description": f"{spent} was used"}
            self.valid.remove(spent)
            number = next(self._numbers)
            access, refresh = f"access-token-number-{number}", f"refresh-token-number-{number}"
            self.valid.add(refresh)
            self.issued.append((access, refresh))
            return 200, {"access_token": access, "refresh_token": refresh, "expires_in": self.expires_in}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = json.loads(self.rfile.read(int(self.headers["content-length"])))
                status, answer = server.answer(form)
                time.sleep(server.delay)  # the token is spent, the answer under way
                server.may_answer.wait()
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler

    @contextmanager
    def running(self) -> Iterator[TokenServer]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.may_answer.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()
