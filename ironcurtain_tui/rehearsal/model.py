"""The scripted model as a server: every wire format over TLS on loopback, for the supervisor's own proxy."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import ssl
from collections.abc import Iterable

import h11
import msgspec

from ironcurtain_tui.rehearsal.certificate import Identity, identity_for
from ironcurtain_tui.rehearsal.dialects import DIALECTS, Messages
from ironcurtain_tui.rehearsal.script import next_turn
from ironcurtain_tui.rehearsal.wire import Form, Reply, tokens
from ironcurtain_tui.tasks import TaskOwner

log = logging.getLogger(__name__)

LARGEST_BODY = 32 << 20
"""Bytes; the API's own limit for a request."""
JSON = "application/json"
EVENT_STREAM = "text/event-stream; charset=utf-8"


class RehearsalModel:
    """Listens on 127.0.0.1 from ``start`` to ``stop``.

    It answers only requests that carry ``key``, the session's make-believe real key: a sentinel that was not
    swapped on the way gets a 401, so a rehearsal proves the swap. ``pause`` is the time between two words, seconds.
    ``key_variable`` is where a person would put a real key.
    """

    def __init__(
        self,
        key: str,
        *,
        host: str = "api.anthropic.com",
        key_variable: str = "ANTHROPIC_API_KEY",
        pause: float = 0.02,
    ) -> None:
        self.host = host
        self._key = key.encode()
        self._key_variable = key_variable
        self._pause = pause
        self._identity: Identity | None = None
        self._server: asyncio.Server | None = None
        self._connections = TaskOwner()

    @property
    def port(self) -> int:
        """Where it listens; RuntimeError before ``start``."""
        if self._server is None:
            raise RuntimeError("the rehearsal model was not started")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def ca_pem(self) -> bytes:
        """The authority that vouches for this server as ``host``; RuntimeError before ``start``."""
        if self._identity is None:
            raise RuntimeError("the rehearsal model was not started")
        return self._identity.authority_pem

    async def start(self) -> None:
        """Make a certificate and listen on a free port."""
        self._identity = await asyncio.to_thread(identity_for, self.host)
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", 0, ssl=self._identity.context, limit=1 << 18
        )

    async def stop(self) -> None:
        """Close the listener and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        await self._connections.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.start(self._serve(reader, writer), "rehearsal connection")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, one after the other."""
        connection = Connection(reader, writer)
        try:
            while (received := await connection.receive()) is not None:
                request, body = received
                await self.answer(connection, request, body)
                if not connection.reuse():
                    break
        except h11.RemoteProtocolError as error:
            log.info("rehearsal: not HTTP: %s", error)
        except (ConnectionError, ssl.SSLError):
            pass  # the other side left
        finally:
            writer.close()

    async def answer(self, connection: Connection, request: h11.Request, body: bytes | None) -> None:
        """Answer one request; without its body when that is too large."""
        method, path = request.method.decode("ascii"), request.target.decode("ascii").partition("?")[0]
        identifier = hashlib.sha256(body or b"").hexdigest()
        dialect = next((each for each in DIALECTS if method == "POST" and each.serves(path)), None)
        if dialect is None:
            await connection.send(404, JSON, [Messages().error(404, "Not found")], identifier)
        elif not self._authentic(request):
            await connection.send(401, JSON, [dialect.error(401, "invalid API key")], identifier)
        elif body is None:
            await connection.send(413, JSON, [dialect.error(413, "Request exceeds the maximum size")], identifier)
        else:
            try:
                asked = dialect.read(path, body)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                await connection.send(400, JSON, [dialect.error(400, f"Invalid request: {error}")], identifier)
                return
            count = tokens(len(body))
            reply = Reply(identifier, asked.model, next_turn(asked.conversation, self._key_variable), count)
            match asked.form:
                case Form.COUNT:
                    await connection.send(200, JSON, [dialect.token_count(count)], identifier)
                case Form.STREAM:
                    await connection.send(200, EVENT_STREAM, dialect.streamed(reply), identifier, self._pause)
                case Form.WHOLE:
                    await connection.send(200, JSON, [dialect.whole(reply)], identifier)

    def _authentic(self, request: h11.Request) -> bool:
        headers = dict(request.headers)
        bearer = headers.get(b"authorization", b"").removeprefix(b"Bearer ")
        given = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key") or bearer
        return hmac.compare_digest(given, self._key)


class Connection:
    """One HTTP/1.1 connection: h11 between two streams."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.SERVER)
        self._method = b""

    async def receive(self) -> tuple[h11.Request, bytes | None] | None:
        """The next request and its body, None for one that is too large; or None when there is no next."""
        request: h11.Request | None = None
        body = bytearray()
        size = 0
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
                self._http.receive_data(await self._reader.read(1 << 16))
            elif isinstance(event, h11.Request):
                request, self._method = event, event.method
            elif isinstance(event, h11.Data):
                size += len(event.data)
                if size <= LARGEST_BODY:
                    body += event.data
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return request, bytes(body) if size <= LARGEST_BODY else None
            else:
                return None

    async def send(
        self, status: int, content_type: str, parts: Iterable[bytes], identifier: str, pause: float = 0.0
    ) -> None:
        """A response, in parts with ``pause`` seconds between them."""
        headers = [("content-type", content_type), ("request-id", f"req_{identifier[:24]}")]
        if content_type == EVENT_STREAM:
            headers += [("cache-control", "no-cache"), ("transfer-encoding", "chunked")]
        else:
            parts = [b"".join(parts)]
            headers.append(("content-length", str(len(parts[0]))))
            if status >= 400:
                headers.append(("x-should-retry", "false"))
        await self.respond(status, headers, parts, pause)

    async def respond(
        self, status: int, headers: list[tuple[str, str]], parts: Iterable[bytes], pause: float = 0.0
    ) -> None:
        """A response with these headers, one of which must tell where it ends."""
        self._write(h11.Response(status_code=status, headers=headers))
        if self._method != b"HEAD":
            for number, part in enumerate(parts):
                if number:
                    await self._writer.drain()
                    await asyncio.sleep(pause)
                self._write(h11.Data(data=part))
        # With the last part: some clients (Codex) hang up as soon as they have seen that.
        self._write(h11.EndOfMessage())
        await self._writer.drain()

    def reuse(self) -> bool:
        """Get ready for the next request; False when the connection has served its last."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    def _write(self, event: h11.Event) -> None:
        if (data := self._http.send(event)) is not None:
            self._writer.write(data)
