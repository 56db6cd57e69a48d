"""Every common client in the container takes a certificate that our authority signed, through the proxy door."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.environment import apt_configuration
from tests.containers.conftest import Create, Doors

HOST = "trusted.invalid"
CLIENTS = {
    "curl": f"curl --silent --show-error https://{HOST}/hello",
    "git": f"git ls-remote https://{HOST}/repository",
    "pip": f"cd /tmp && pip download --no-deps --index-url https://{HOST}/simple thing",
    "npm": f"npm view thing version --registry https://{HOST}/npm/ --fetch-retries 0",
    "node": f"node -e \"fetch('https://{HOST}/hello').then(r => r.text()).then(console.log)\"",
    "python": "python3 -c \"import urllib.request as u; print(u.urlopen('https://" + HOST + "/hello').read())\"",
    "openssl": f"openssl s_client -brief -verify_return_error -proxy 127.0.0.1:18080 -connect {HOST}:443 </dev/null",
    "apt": f"/usr/lib/apt/apt-helper download-file https://{HOST}/hello /tmp/hello && cat /tmp/hello",
}
REFS = b"0" * 39 + b"1\trefs/heads/main\n"
ANSWERS = {
    "/hello": b"hello\n",
    "/repository/info/refs": REFS,
    "/simple/thing/": b'<a href="/files/thing-1.0-py3-none-any.whl">thing-1.0-py3-none-any.whl</a>',
    "/npm/thing": b'{"name": "thing", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": {"version": "1.0.0"}}}',
}


def authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
    usage = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    certificate = (
        signed(name, name, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate, key


def signed(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
    )


def server_context(directory: Path, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> ssl.SSLContext:
    leaf_key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    leaf = (
        signed(name, certificate.subject, leaf_key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = directory / "leaf.pem"
    pem.write_bytes(
        leaf_key.private_bytes(serialization.Encoding.PEM, *private) + leaf.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


class TerminatingDoor:
    """Takes CONNECT, speaks TLS for whatever host is asked for, and answers a few paths over HTTP/1.1."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ssl.SSLError, ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            await writer.start_tls(self._context)
            request = (await reader.readuntil(b"\r\n\r\n")).split()
            path = request[1].decode().split("?")[0]
            body = ANSWERS.get(path, b"wheel" if path.startswith("/files/") else None)
            status = b"404 Not Found" if body is None else b"200 OK"
            kind = b"text/plain" if path != "/simple/thing/" else b"text/html"
            head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
            writer.write(head % (status, kind, len(body or b"")) + (body or b""))
            await writer.drain()
        writer.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            await writer.wait_closed()


@pytest.fixture
async def behind_door(create: Create, doors: Doors) -> AsyncIterator[AgentContainer]:
    certificate, key = authority()
    pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
    (doors.sockets / "ca-cert.pem").write_text(pem)
    (doors.sockets / "ca-bundle.pem").write_text(Path(certifi.where()).read_text() + pem)
    (doors.sockets / "apt.conf").write_text(apt_configuration())
    door = TerminatingDoor(server_context(doors.workspace, certificate, key))
    async with await asyncio.start_unix_server(door, doors.sockets / "proxy.sock"):
        (doors.sockets / "proxy.sock").chmod(0o666)
        container = create("sleep", "infinity")
        await asyncio.to_thread(container.start)
        forwards = "until socat -u OPEN:/dev/null TCP:127.0.0.1:18080; do sleep 0.05; done"
        code, output = await asyncio.to_thread(container.exec, ["sh", "-c", forwards])
        assert code == 0, output
        yield container


@pytest.mark.engine
@pytest.mark.parametrize("client", CLIENTS)
async def test_client_trusts_our_authority(behind_door: AgentContainer, client: str) -> None:
    code, output = await asyncio.to_thread(behind_door.exec, ["sh", "-c", CLIENTS[client]])
    if client == "pip":  # the thing is no wheel, but it came
        assert b"Downloading https://trusted.invalid/files/thing-1.0-py3-none-any.whl" in output
        return
    assert code == 0, output


@pytest.mark.engine
async def test_without_the_authority_they_refuse(behind_door: AgentContainer) -> None:
    refused = ["env", "--unset=SSL_CERT_FILE", "--unset=CURL_CA_BUNDLE", "sh", "-c", CLIENTS["curl"]]
    code, output = await asyncio.to_thread(behind_door.exec, refused)
    assert code == 60, output  # curl's own number for a certificate it does not trust
