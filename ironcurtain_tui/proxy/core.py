"""mitmproxy's protocol layers with the ends sewn up that matter to a boundary.

What stock layers do and these do not (measured in mitmproxy 12.2.3):

* error pages as HTML that quote raw bytes, possibly a key, and name the program;
* heads, chunk lines, trailers, pipelined requests and ClientHellos buffered without a limit;
* a request that begins with an empty line hangs;
* trailers crash the stream; here they are dropped;
* the body of a request that is already answered is collected in memory;
* the body of a request that is held, or collected, is read without a limit.

Nearly all are subclasses. ``Http1Client`` and ``ServerTLSLayer`` are created deep inside the core by their global
names, so those names are replaced. ``verify`` refuses to start when the core has changed its shape.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Literal

import h11
from h11._readers import ChunkedReader
from h11._receivebuffer import ReceiveBuffer
from mitmproxy.connection import Client, ConnectionState
from mitmproxy.http import MessageData
from mitmproxy.net import tls as net_tls
from mitmproxy.net.http import http1
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy import server as core_server
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import http as http_layer
from mitmproxy.proxy.layers import tls as tls_layer
from mitmproxy.proxy.layers.http import HTTPMode, SendHttp, _http1, _upstream_proxy
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import (
    ErrorCode,
    HttpEvent,
    RequestData,
    RequestEndOfMessage,
    RequestHeaders,
    ResponseEndOfMessage,
    ResponseProtocolError,
)
from OpenSSL import SSL

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers.base import Provider
from ironcurtain_tui.proxy import refusal
from ironcurtain_tui.proxy.exchange import Exchange
from ironcurtain_tui.proxy.tunnel import Backlog

MAX_HELD_BODY = 4 << 20
"""Bytes of a request that are collected to be shown to a person."""
MAX_PENDING = 64 << 10
"""Bytes that may wait to be understood: a head, a chunk line, trailers, pipelined requests, a ClientHello."""

MAX_SEALED = 65535
"""Bytes that are taken out of TLS at a time."""

Commands = Generator[commands.Command, Any, None]

_END_OF_HEAD = re.compile(rb"\n\r?\n")

_REASONS = {
    400: "the request is malformed",
    431: "the head of the request is too large",
    502: "the server could not be reached over verified TLS, or what it sent could not be passed on",
}


@dataclass(frozen=True)
class CoreOptions:
    """The options the layers read. One they ask for that is not here fails the connection."""

    connection_strategy: Literal["lazy"] = "lazy"
    validate_inbound_headers: bool = True
    rawtcp: bool = False
    websocket: bool = False
    store_streamed_bodies: bool = False
    stream_large_bodies: None = None
    body_size_limit: None = None
    keep_host_header: bool = False
    http_connect_send_host_header: bool = True
    proxy_debug: bool = False
    http2: bool = False
    http3: bool = False
    tcp_timeout: int = 600
    """Seconds without a byte in either direction, no decision pending, after which a connection ends."""


@dataclass
class MalformedRequestHook(commands.StartHook):  # type: ignore[no-untyped-call]
    """The head of a request could not be read at all."""

    client: Client
    blocking = False


class Reject(layer.Layer):
    """Closes the connection on whatever comes."""

    def _handle_event(self, event: events.Event) -> Commands:  # noqa: ARG002 (the core's signature)
        yield commands.CloseConnection(self.context.client)


class _OneRecord(tls_layer.TLSLayer):
    """Seals what one event leads to as a whole: a head with its body is one record, not one each."""

    _unsealed = b""

    def send_data(self, data: bytes) -> Commands:
        self._unsealed += data
        yield from ()

    def send_close(self, command: commands.CloseConnection) -> Commands:
        yield from self._seal()
        yield from super().send_close(command)

    def _handle_event(self, event: events.Event) -> Commands:
        yield from super()._handle_event(event)
        yield from self._seal()

    def tls_interact(self) -> Commands:
        try:
            while len(sealed := self.tls.bio_read(MAX_SEALED)) == MAX_SEALED:
                yield commands.SendData(self.conn, sealed)
            yield commands.SendData(self.conn, sealed)  # less than was asked for: it was the last
        except SSL.WantReadError:
            pass  # nothing waits

    def _seal(self) -> Commands:
        if self._unsealed:
            data, self._unsealed = self._unsealed, b""
            yield from super().send_data(data)


class ServerTLSLayer(_OneRecord, tls_layer.ServerTLSLayer):
    """TLS with the server."""


class ClientTLSLayer(_OneRecord, tls_layer.ClientTLSLayer):
    """TLS with the agent; always with HTTP inside."""

    def __init__(self, context: Context, provider: Provider | None, backlog: Backlog) -> None:
        super().__init__(context)
        self.child_layer = HttpLayer(context, HTTPMode.transparent, provider, backlog)

    def receive_handshake_data(self, data: bytes) -> Any:
        if not self.client_hello_parsed and len(self.recv_buffer) + len(data) > MAX_PENDING:
            return False, "ClientHello too large"
        return (yield from super().receive_handshake_data(data))


class HttpLayer(http_layer.HttpLayer):
    """HTTP/1.1 towards the agent. Errors are told in the form of ``provider`` when there is one."""

    def __init__(self, context: Context, mode: HTTPMode, provider: Provider | None, backlog: Backlog) -> None:
        super().__init__(context, mode)
        self._provider = provider
        self._backlog = backlog

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Start):
            # The core keeps a connection that is there already.
            self.connections[self.context.client] = Http1Server(self.context.fork(), self._provider)
        yield from super()._handle_event(event)

    def make_stream(self, stream_id: int) -> Commands:
        self.streams[stream_id] = HttpStream(self.context.fork(), stream_id, self._backlog)
        yield from self.event_to_child(self.streams[stream_id], events.Start())


class HttpStream(http_layer.HttpStream):
    """One exchange."""

    def __init__(self, context: Context, stream_id: int, backlog: Backlog) -> None:
        super().__init__(context, stream_id)
        self._backlog = backlog

    def handle_event(self, event: events.Event) -> Commands:
        yield from super().handle_event(event)
        waiting = self._paused_event_queue if self._paused else ()
        self._backlog.report(sum(len(each.data) for each in waiting if isinstance(each, RequestData)))

    def _handle_event(self, event: events.Event) -> Commands:
        if isinstance(event, events.Wakeup):
            yield from self._ask_again()
        else:
            yield from super()._handle_event(event)

    def state_wait_for_response_headers(self, event: events.Event) -> Commands:
        yield from super().state_wait_for_response_headers(event)
        if self.server_state == self.state_consume_response_body and Exchange.of(self.flow).asks_again:
            self.server_state = self.state_drop_response

    def state_drop_response(self, event: events.Event) -> Commands:
        if isinstance(event, ResponseEndOfMessage):
            yield commands.RequestWakeup(0)  # the server's side must see the end before it is asked again

    def _ask_again(self) -> Commands:
        if self.server_state != self.state_drop_response:
            return  # the agent went away
        Exchange.of(self.flow).asks_again = False
        self.flow.response = None
        self.server_state = self.state_wait_for_response_headers
        if not (yield from self.make_server_connection()):
            return
        content = self.flow.request.raw_content
        yield SendHttp(RequestHeaders(self.stream_id, self.flow.request, not content), self.context.server)
        if content:
            yield SendHttp(RequestData(self.stream_id, content), self.context.server)
        yield SendHttp(RequestEndOfMessage(self.stream_id), self.context.server)

    def state_consume_request_body(self, event: events.Event) -> Commands:
        if isinstance(event, RequestData) and self.flow.response is not None:
            return  # already answered: what still comes is nobody's
        if isinstance(event, RequestData):
            exchange = Exchange.of(self.flow)
            if len(self.request_body_buf) + len(event.data) > exchange.body_limit:
                exchange.body_too_large = True
                return  # the rest is dropped, and the whole refused at its end
        yield from super().state_consume_request_body(event)


class _TrailerlessReader(ChunkedReader):
    """Reads a chunked body and drops its trailers."""

    def __call__(self, buf: ReceiveBuffer) -> Any:
        event = super().__call__(buf)
        return h11.EndOfMessage() if isinstance(event, h11.EndOfMessage) else event


class _Bounded(_http1.Http1Connection):
    """What both sides share: no trailers, no unbounded buffer."""

    def _handle_event(self, event: events.Event) -> Commands:
        yield from super()._handle_event(event)
        if len(self.buf) > MAX_PENDING:
            yield from self._overflow()
            self.buf = ReceiveBuffer()
            self.state = self.done

    def _overflow(self) -> Commands:
        raise NotImplementedError

    def read_body(self, event: events.Event) -> Commands:
        if type(self.body_reader) is ChunkedReader:
            self.body_reader = _TrailerlessReader()
        yield from super().read_body(event)


class Http1Server(_Bounded, _http1.Http1Server):
    """The agent's side of HTTP/1.1."""

    def __init__(self, context: Context, provider: Provider | None) -> None:
        super().__init__(context)
        self._provider = provider

    def _refuse(self, status: int) -> Commands:
        content = refusal.body(status, _REASONS.get(status, "the request cannot be passed on"), self._provider)
        message = refusal.response(status, content, close=True)
        yield commands.SendData(self.conn, http1.assemble_response(message))  # type: ignore[no-untyped-call]
        yield commands.CloseConnection(self.conn)

    def _overflow(self) -> Commands:
        if self.state == self.read_headers:
            yield from self._refuse(431)
            yield MalformedRequestHook(self.context.client)
        else:
            yield commands.CloseConnection(self.conn)

    def read_headers(self, event: events.ConnectionEvent) -> Commands:
        if isinstance(event, events.DataReceived) and (status := _fault(bytes(self.buf))):
            yield from self._refuse(status)
            yield MalformedRequestHook(self.context.client)
            self.state = self.done
            return
        for command in super().read_headers(event):
            if isinstance(command, commands.SendData):  # sent for malformed heads only
                yield from self._refuse(400)
                if self.request is None:
                    yield MalformedRequestHook(self.context.client)
            else:
                yield command

    def send(self, event: HttpEvent) -> Commands:
        if not isinstance(event, ResponseProtocolError) or not self.conn.state & ConnectionState.CAN_WRITE:
            yield from super().send(event)
            return
        status = 502 if event.code is ErrorCode.KILL else event.code.http_status_code()
        if status is None or self.response is not None:
            yield commands.CloseConnection(self.conn)
        else:
            yield from self._refuse(status)
            if event.code is ErrorCode.DESTINATION_UNKNOWN:  # no hook was asked about it
                yield MalformedRequestHook(self.context.client)


def _fault(buffered: bytes) -> int | None:
    """The status a head is refused with for its form alone; it may not have come as a whole yet."""
    if buffered[:1] in (b"\r", b"\n"):
        return 400
    end = _END_OF_HEAD.search(buffered)
    return 431 if end is not None and end.start() > MAX_PENDING else None


class Http1Client(_Bounded, _http1.Http1Client):
    """The server's side of HTTP/1.1."""

    def _overflow(self) -> Commands:
        yield commands.CloseConnection(self.conn)
        if self.stream_id is not None:
            error = ResponseProtocolError(self.stream_id, "response head too large", ErrorCode.GENERIC_SERVER_ERROR)
            yield ReceiveHttp(error)


_SHAPE: tuple[tuple[object, tuple[str, ...]], ...] = (
    (http_layer, ("Http1Client", "Http1Server", "HttpStream", "HttpLayer", "HttpClient")),
    (http_layer.HttpLayer, ("_handle_event", "make_stream", "event_to_child", "get_connection")),
    (
        http_layer.HttpStream,
        (
            "state_consume_request_body",
            "state_wait_for_response_headers",
            "state_consume_response_body",
            "make_server_connection",
            "check_invalid",
            "check_killed",
            "handle_connect",
        ),
    ),
    (_http1, ("make_body_reader", "make_error_response")),
    (_http1.Http1Connection, ("_handle_event", "read_body", "wait", "done", "passthrough", "mark_done")),
    (_http1.Http1Server, ("send", "read_headers")),
    (_http1.Http1Client, ("send", "read_headers")),
    (MessageData, ("__post_init__",)),
    (tls_layer.TLSLayer, ("send_data", "receive_data", "tls_interact")),
    (tls_layer.ClientTLSLayer, ("receive_handshake_data", "client_hello_parsed")),
    (_upstream_proxy.HttpUpstreamProxy, ("make", "start_handshake", "receive_handshake_data")),
    (layer.Layer, ("handle_event", "_handle_event")),
    (core_server.ConnectionHandler, ("handle_client", "handle_hook", "drain_writers", "server_event", "log")),
)


def verify() -> None:
    """Put our client side in place and check that the core has the shape this module was written against.

    Raises UserFacingError when it has not: then nothing here can be relied on.
    """
    missing = [
        f"{getattr(owner, '__name__', owner)}.{name}"
        for owner, names in _SHAPE
        for name in names
        if name not in vars(owner)
    ]
    if missing or not issubclass(vars(http_layer)["Http1Client"], _http1.Http1Client):
        raise UserFacingError(
            f"The installed mitmproxy is not one this program was made for: {', '.join(missing) or 'Http1Client'}.",
            "Install the version named in pyproject.toml.",
        )
    if net_tls.log_master_secret is not None:
        raise UserFacingError(
            "TLS master secrets would be written to a file (SSLKEYLOGFILE).", "Unset SSLKEYLOGFILE and start again."
        )
    vars(http_layer)["Http1Client"] = Http1Client
    vars(tls_layer)["ServerTLSLayer"] = ServerTLSLayer
    # The core compares every field of every message with its annotation, as a help to those who work on it.
    MessageData.__post_init__ = lambda self: None  # type: ignore[method-assign] # noqa: ARG005
