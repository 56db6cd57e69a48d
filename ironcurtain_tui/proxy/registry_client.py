"""Fetches the documents of package registries, for the proxy itself."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import certifi
import httpcore

from ironcurtain_tui import __version__
from ironcurtain_tui.packages.package import HTTPS, place_of
from ironcurtain_tui.proxy.destination import Ways
from ironcurtain_tui.proxy.parent import ParentProxy
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.registry_login import RegistryLogin
from ironcurtain_tui.proxy.route import Routes, Upstream

MAX_DOCUMENT = 64 << 20
"""Bytes of a document, decompressed. The largest on npm's public registry have about half of that."""
MAX_AT_ONCE = 8
"""Documents that are fetched at the same time; more wait."""
MAX_REDIRECTS = 3
SECONDS = 30.0
"""For connecting, and for each wait for more bytes."""
USER_AGENT = f"ironcurtain-tui/{__version__}"


@dataclass(frozen=True)
class Fetched:
    """What a registry answered."""

    status: int
    content_type: str
    body: bytes
    url: str
    """Where it was found, after redirects."""


class RegistryClient:
    """GET over verified TLS, the ways that ``ways`` lets through. Connections are kept for a while."""

    def __init__(self, routes: Routes, ways: Ways, extra_ca: bytes = b"") -> None:
        """``extra_ca``: PEM of authorities that are trusted beside the public ones."""
        self._routes = routes
        self._ways = ways
        self._extra_ca = extra_ca
        self._turns = asyncio.Semaphore(MAX_AT_ONCE)
        self._pools: dict[tuple[Upstream | None, ParentProxy | None], httpcore.AsyncConnectionPool] = {}

    async def get(self, url: str, accept: str, login: RegistryLogin | None = None) -> Fetched:
        """The document at ``url``; redirects are followed on its own host and port only. Refusal 502 without any.

        ``login`` goes along where it covers the URL.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or HTTPS
        place = place_of(host, port)
        for _ in range(MAX_REDIRECTS):
            try:
                async with self._turns:
                    fetched, location = await self._get(host, port, url, accept, login)
            except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.ProxyError) as error:
                raise Refusal(502, f"the registry at {host} cannot be reached over verified TLS") from error
            except httpcore.TimeoutException as error:
                raise Refusal(502, f"the registry at {host} does not answer") from error
            if location is None:
                return fetched
            url = urljoin(url, location)
            if not url.startswith(f"https://{place}/"):
                raise Refusal(502, f"the registry at {host} sends us to another host")
        raise Refusal(502, f"the registry at {host} sends us in circles")

    async def close(self) -> None:
        """Close every connection."""
        for pool in self._pools.values():
            await pool.aclose()

    async def _get(
        self, host: str, port: int, url: str, accept: str, login: RegistryLogin | None
    ) -> tuple[Fetched, str | None]:
        headers = [
            ("Host", place_of(host, port)),
            ("Accept", accept),
            ("Accept-Encoding", "gzip"),
            ("User-Agent", USER_AGENT),
        ]
        if login is not None and login.covers_url(url):
            headers.append(("Authorization", login.authorization.reveal()))
        extensions = {"timeout": dict.fromkeys(("connect", "read", "write", "pool"), SECONDS)}
        pool = await self._pool(host, port)
        async with pool.stream("GET", url, headers=headers, extensions=extensions) as response:
            said = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
            if 300 <= response.status < 400 and "location" in said:
                return Fetched(response.status, "", b"", url), said["location"]
            body = await _read(response.aiter_stream(), said.get("content-encoding", "identity").strip().lower(), host)
            return Fetched(response.status, said.get("content-type", ""), body, url), None

    async def _pool(self, host: str, port: int) -> httpcore.AsyncConnectionPool:
        destination = self._routes.of(host)
        parent = self._ways.parents.of(destination)
        if parent is not None:
            await self._ways.to(destination, port)  # the parent connects; what can be checked before is
        key = destination.upstream, parent
        if key not in self._pools:
            self._pools[key] = httpcore.AsyncConnectionPool(
                self._trust(destination.upstream),
                proxy=None if parent is None else _proxy(parent),
                network_backend=None if parent is not None else _Dialler(self._routes, self._ways),
                max_connections=MAX_AT_ONCE,
                keepalive_expiry=30.0,
            )
        return self._pools[key]

    def _trust(self, upstream: Upstream | None) -> ssl.SSLContext:
        if upstream is not None:
            return ssl.create_default_context(cadata=upstream.ca_pem.decode())
        context = ssl.create_default_context(cafile=certifi.where())
        if self._extra_ca:
            context.load_verify_locations(cadata=self._extra_ca.decode())
        return context


class _Dialler(httpcore.AsyncNetworkBackend):
    """Connects to the addresses that a host's way has, whatever the connection pool would have dialled."""

    def __init__(self, routes: Routes, ways: Ways) -> None:
        self._routes = routes
        self._ways = ways
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the pool's own signature)
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        way = await self._ways.to(self._routes.of(host), port)
        *others, last = way.addresses
        for address in others:
            try:
                return await self._network.connect_tcp(address, way.port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._network.connect_tcp(last, way.port, timeout, local_address, socket_options)


def _proxy(parent: ParentProxy) -> httpcore.Proxy:
    headers = [] if parent.authorization is None else [(b"Proxy-Authorization", parent.authorization)]
    return httpcore.Proxy(parent.url, headers=headers)


async def _read(pieces: AsyncIterator[bytes], coding: str, host: str) -> bytes:
    """The body in plain; Refusal when it is larger than any document, or cannot be read."""
    if coding not in ("", "identity", "gzip"):
        raise Refusal(502, f"the registry at {host} sent an encoding it was not asked for")
    gzip = zlib.decompressobj(wbits=31) if coding == "gzip" else None
    body = bytearray()
    async for piece in pieces:
        try:
            body += gzip.decompress(piece, MAX_DOCUMENT + 1 - len(body)) if gzip else piece
        except zlib.error as error:
            raise Refusal(502, f"the answer of the registry at {host} cannot be decompressed") from error
        if len(body) > MAX_DOCUMENT:
            raise Refusal(502, f"the registry at {host} sent more than {MAX_DOCUMENT >> 20} MiB about one package")
    if gzip and not gzip.eof:
        raise Refusal(502, f"the answer of the registry at {host} is cut off")
    return bytes(body)
