"""A real proxy on a real unix socket, between a raw client and a real TLS server of our own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from ironcurtain_tui.credentials.sentinel import mint
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision, Flow
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.server import Proxy
from tests.waiting import PATIENCE, until

HOST = "api.anthropic.com"
OPEN_HOST = "files.example.org"
REAL_KEY = "sk-ant-api03-REAL-0123456789abcdefghijklmnopqrstuvwxyz-THE-REAL-KEY-AA"
SENTINEL = mint("sk-ant-api03-ironcurtain-")


def request(
    method: str = "POST",
    target: str = "/v1/messages?beta=true",
    *headers: str,
    body: str = "{}",
    key: str | None = SENTINEL,
    chunked: bool = False,
    host: str = HOST,
) -> bytes:
    """A request as Claude Code sends it, with ``headers`` added."""
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {host}",
        "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}",
        "Content-Type: application/json",
    ]
    if key is not None:
        lines.append(f"x-api-key: {key}")
    return "\r\n".join([*lines, *headers, "", body]).encode("latin-1")


def reply(body: bytes = b'{"ok":true}', status: str = "200 OK", *headers: str) -> bytes:
    """A response of the upstream."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


Respond = Callable[[asyncio.StreamWriter, bytes], Awaitable[None]]


@dataclass
class FakeProvider:
    """A TLS server that records what it is sent and answers as told."""

    authority: CertificateAuthority
    context: ssl.SSLContext
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with the first head."""
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    respond: Respond | None = None
    keep_bodies: bool = True
    body_bytes: int = 0
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.heads.append(head)
                self.asked.set()
                await self._read_body(reader, head.lower())
                if self.respond is None:
                    writer.write(reply())
                else:
                    await self.respond(writer, head)
                await writer.drain()
        writer.close()

    async def _read_body(self, reader: asyncio.StreamReader, head: bytes) -> None:
        body = b""
        if b"transfer-encoding: chunked" in head:
            while size := int((await reader.readline()).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            while (line := await reader.readline()) != b"\r\n":
                body += line
        elif b"content-length: " in head:
            left = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            while left:
                piece = await reader.read(min(left, 65536))
                if not piece:
                    raise ConnectionError
                left -= len(piece)
                self.body_bytes += len(piece)
                if self.keep_bodies:
                    body += piece
        self.bodies.append(body)

    @property
    def seen(self) -> bytes:
        """Everything that arrived, decrypted."""
        return b"".join(self.heads) + b"".join(self.bodies)


def _set(event: asyncio.Event) -> asyncio.Event:
    event.set()
    return event


@dataclass
class RecordingGate:
    """The supervisor's side: the real policy, and a list of what was asked."""

    policy: Policy
    admitted: list[tuple[HttpRequest | Tunnel, Verdict]] = field(default_factory=list)
    refusals: list[tuple[HttpRequest | Tunnel, str]] = field(default_factory=list)
    decide: Callable[[HttpRequest | Tunnel], Awaitable[Verdict]] | None = None
    asked: list[HeldRequest] = field(default_factory=list)
    answer: Callable[[HeldRequest], Awaitable[Verdict]] | None = None
    """What a person says to a held request."""
    alarms: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    """What a person was asked about that would act at the provider."""
    agreed: tuple[str, ...] = ()
    """What of that the person agrees to."""
    hidden: list[str] = field(default_factory=list)
    flowing: asyncio.Event = field(default_factory=lambda: _set(asyncio.Event()))
    """Not set while the doors are paused."""
    held: int = 0
    """How much waits for that."""
    looked: list[tuple[HttpRequest, str]] = field(default_factory=list)
    """What the proxy looked up by itself, and what went wrong."""

    async def admit(self, action: HttpRequest | Tunnel) -> Verdict:
        verdict = await self.decide(action) if self.decide else self.policy.decide(action)
        self.admitted.append((action, verdict))
        return verdict

    async def unpaused(self) -> None:
        self.held += 1
        try:
            await self.flowing.wait()
        finally:
            self.held -= 1

    async def ask(self, request: HeldRequest) -> Verdict:
        self.asked.append(request)
        if self.answer is None:
            return Verdict(decision=Decision.DENY, reason="nobody is there")
        verdict = await self.answer(request)
        self.admitted.append((request.action, verdict))
        return verdict

    async def refused(self, action: HttpRequest | Tunnel, reason: str) -> None:
        self.refusals.append((action, reason))

    def looked_up(self, action: HttpRequest, trouble: str) -> None:
        self.looked.append((action, trouble))

    async def held_back(self, action: HttpRequest, hidden: tuple[str, ...]) -> None:
        self.hidden += hidden

    async def may_act_unseen(self, action: HttpRequest, provider: str, what: str) -> bool:
        self.unseen.append(what)
        return what in self.agreed

    async def tripped(self, action: HttpRequest | Tunnel, reason: str) -> None:
        self.refusals.append((action, reason))
        self.alarms.append(reason)

    @property
    def denials(self) -> int:
        return len(self.refusals) + sum(verdict.decision is Decision.DENY for _, verdict in self.admitted)


@dataclass
class Response:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for known, value in self.headers if known == name), None)


class Closed(Exception):  # noqa: N818 (an outcome)
    """The proxy closed the connection."""


class Agent:
    """A raw client on the proxy's socket, with TLS under its own control."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.received = b""
        """All plain text that came, for searching."""
        self._buffer = b""
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()

    async def send(self, data: bytes) -> None:
        """Send ``data``, encrypted once TLS is up."""
        if self._tls is not None:
            self._tls.write(data)
            data = self._outgoing.read()
        self.writer.write(data)
        await self.writer.drain()

    async def connect(self, authority: str = f"{HOST}:443") -> Response:
        await self.send(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        return await self.response(connect=True)

    async def handshake(self, context: ssl.SSLContext, name: str | None = HOST, split: int = 0) -> None:
        """Shake hands; ``split`` sends the first bytes of the ClientHello one by one."""
        tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=name)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                data = self._outgoing.read()
                for index in range(split):
                    self.writer.write(data[index : index + 1])
                    await self.writer.drain()
                    await asyncio.sleep(0.02)
                self.writer.write(data[split:])
                await self.writer.drain()
                split = 0
                data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
                if not data:
                    raise Closed from None
                self._incoming.write(data)
        if data := self._outgoing.read():
            self.writer.write(data)
        self._tls = tls

    async def read(self) -> bytes:
        """Some more plain text; Closed at the end."""
        while True:
            try:
                data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
            except ConnectionError:
                raise Closed from None
            if not data:
                raise Closed
            if self._tls is not None:
                self._incoming.write(data)
                plain = b""
                with suppress(ssl.SSLWantReadError):
                    while piece := self._tls.read(65536):
                        plain += piece
                if not plain:
                    continue
                data = plain
            self.received += data
            return data

    async def record(self) -> bytes:
        """The plain text of the next TLS record."""
        assert self._tls is not None
        while True:
            with suppress(ssl.SSLWantReadError):
                return self._tls.read(65536)
            data = await asyncio.wait_for(self.reader.read(65536), PATIENCE)
            if not data:
                raise Closed
            self._incoming.write(data)

    async def until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._buffer += await self.read()
        before, _, self._buffer = self._buffer.partition(mark)
        return before

    async def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += await self.read()
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    async def head(self) -> tuple[int, list[tuple[str, str]]]:
        lines = (await self.until(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [line.partition(":") for line in lines[1:]]
        return int(lines[0].split(" ")[1]), [(name.lower(), value.strip()) for name, _, value in fields]

    async def response(self, *, connect: bool = False) -> Response:
        """The next whole response."""
        status, headers = await self.head()
        response = Response(status, headers, b"")
        if connect and status == 200:
            return response
        if response.header("transfer-encoding") == "chunked":
            while size := int(await self.until(b"\r\n"), 16):
                response.body += await self.exactly(size)
                await self.exactly(2)
            await self.until(b"\r\n")
        elif (length := response.header("content-length")) is not None:
            response.body = await self.exactly(int(length))
        else:
            with suppress(Closed):
                while True:
                    self._buffer += await self.read()
            response.body, self._buffer = self._buffer, b""
        return response

    async def ask(self, raw: bytes) -> Response:
        await self.send(raw)
        return await self.response()

    async def closed(self) -> bool:
        """Wait for the end of the connection."""
        with suppress(Closed):
            while True:
                await self.read()
        return True


@dataclass
class Stage:
    """Everything on it is real but the provider."""

    proxy: Proxy
    path: Path
    authority: CertificateAuthority
    provider: FakeProvider
    gate: RecordingGate
    flows: list[Flow]
    trust: ssl.SSLContext
    servers: list[asyncio.Server]
    other: FakeProvider
    """A host of no provider, OPEN_HOST."""
    agents: list[Agent] = field(default_factory=list)

    async def agent(self) -> Agent:
        """A client that has just connected."""
        agent = Agent(*await asyncio.open_unix_connection(self.path))
        self.agents.append(agent)
        return agent

    async def inside(self, host: str = HOST) -> Agent:
        """A client whose tunnel to the provider (or to ``host``) stands."""
        agent = await self.agent()
        assert (await agent.connect(f"{host}:443")).status == 200
        await agent.handshake(self.trust, host)
        return agent

    async def over(self, count: int = 1) -> list[Flow]:
        """The last word on each flow, once ``count`` of them are over."""

        def finished() -> list[Flow]:
            last = {flow.id: flow for flow in self.flows}
            over = [flow for flow in last.values() if flow.total_ms is not None]
            return over if len(over) >= count else []

        return await until(finished)


def server_context(authority: CertificateAuthority, host: str, directory: Path) -> ssl.SSLContext:
    """A server's context with a certificate for ``host``."""
    pem = directory / f"{host}-{id(authority)}.pem"
    key = authority.leaf_key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(key + authority.leaf(host).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


Build = Callable[..., Awaitable[Stage]]
