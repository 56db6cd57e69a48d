"""A host on the web, as far as the product is concerned: a TLS server of our own on the loopback."""

from __future__ import annotations

import asyncio
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from ironcurtain_tui.proxy.authority import CertificateAuthority


@dataclass
class WebHost:
    """Answers every request with ``hello from <name>`` and keeps what it was sent."""

    name: str
    directory: Path
    port: int = 0
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    """Head and body of each."""
    arrived: threading.Event = field(default_factory=threading.Event)

    @property
    def authority_file(self) -> Path:
        return self.directory / "web-ca.pem"

    @property
    def settings(self) -> str:
        """What config.toml must say for the product to find it."""
        return f'[web.hosts."{self.name}"]\nupstream = "127.0.0.1:{self.port}"\nca = "{self.authority_file}"\n'

    async def start(self) -> None:
        authority = CertificateAuthority.load_or_create(self.directory / "web-ca")
        self.authority_file.write_bytes(authority.certificate_pem)
        key = authority.leaf_key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        pem = self.directory / "web-host.pem"
        pem.write_bytes(key + authority.leaf(self.name).public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    (int(line[15:]) for line in head.lower().split("\r\n") if line.startswith("content-length:")), 0
                )
                self.requests.append((head, await reader.readexactly(length)))
                self.arrived.set()
                body = f"hello from {self.name}\n".encode()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            writer.close()
