from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ironcurtain_tui.proxy.authority import CertificateAuthority

from .attacks import ANSWERS, IN_TUNNEL, INSIDE, OUTSIDE, Attack, BadAnswer
from .stage import HOST, REAL_KEY, SENTINEL, Agent, Build, Closed, Stage, reply, request, server_context


def named(attacks: list[Attack]) -> list[object]:
    return [pytest.param(attack, id=attack.name) for attack in attacks]


async def check(stage: Stage, agent: Agent, attack: Attack) -> None:
    """What an attack must come to."""
    if attack.status is None:
        assert await agent.closed()
        assert b"HTTP/1.1 2" not in agent.received.replace(b"200 Connection established", b"")
    else:
        response = await agent.response()
        assert response.status == attack.status, response.body
        if response.status != 200:
            assert response.header("content-type") == "application/json"
            assert b"IronCurtain refused this" in response.body
            assert response.header("x-should-retry") == "false"
            msgspec.json.decode(response.body)
    assert REAL_KEY.encode() not in agent.received
    assert SENTINEL.encode() not in stage.provider.seen
    for hidden in attack.hidden_from_provider:
        assert hidden not in stage.provider.seen
    if attack.forwarded:
        assert len(stage.provider.heads) == 1
    else:
        assert stage.provider.connections == 0
        await stage.over()  # the refusal is told to viewers ...
        assert stage.gate.denials == 1  # ... and recorded, once
    assert REAL_KEY.encode() not in msgspec.json.encode([stage.flows, stage.gate.admitted, stage.gate.refusals])


@pytest.mark.parametrize("attack", named(OUTSIDE))
async def test_outside_a_tunnel(stage: Stage, attack: Attack) -> None:
    agent = await stage.agent()
    await agent.send(attack.sent)
    await check(stage, agent, attack)


@pytest.mark.parametrize("attack", named(IN_TUNNEL))
async def test_in_a_tunnel_without_tls(stage: Stage, attack: Attack) -> None:
    agent = await stage.agent()
    assert (await agent.connect()).status == 200
    try:
        await agent.send(attack.sent)
    except ConnectionError:
        pass  # cut while we were still sending
    await check(stage, agent, attack)


@pytest.mark.parametrize("attack", named(INSIDE))
async def test_inside_tls(stage: Stage, attack: Attack) -> None:
    agent = await stage.inside()
    await agent.send(attack.sent)
    await check(stage, agent, attack)


@pytest.mark.parametrize("bad", [pytest.param(bad, id=bad.name) for bad in ANSWERS])
async def test_answers(stage: Stage, bad: BadAnswer) -> None:
    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        size = -(-len(bad.answer) // bad.pieces) or 1
        for start in range(0, len(bad.answer), size):
            writer.write(bad.answer[start : start + size])
            await writer.drain()
            if bad.pieces > 1:
                await asyncio.sleep(0.005)
        raise ConnectionError  # close

    stage.provider.respond = respond
    agent = await stage.inside()
    response = await agent.ask(request())
    assert response.status == bad.status
    agent.writer.close()
    assert REAL_KEY.encode() not in agent.received
    for hidden in bad.hidden:
        assert hidden not in agent.received
    for shown in bad.shown:
        assert shown in agent.received
    assert f"x-api-key: {REAL_KEY}".encode() in stage.provider.seen
    (flow,) = await stage.over()
    assert flow.decision == "allow"
    assert REAL_KEY.encode() not in msgspec.json.encode(stage.flows)


@pytest.mark.parametrize("name", [None, "example.org", f"x.{HOST}", "localhost"])
async def test_a_handshake_for_another_name_is_refused(stage: Stage, name: str | None) -> None:
    stage.trust.check_hostname = False
    agent = await stage.agent()
    await agent.connect()
    with pytest.raises((Closed, ssl.SSLError)):
        await agent.handshake(stage.trust, name)
    await stage.over()
    ((action, reason),) = stage.gate.refusals
    assert action.host == HOST
    assert "does not name" in reason


@pytest.mark.parametrize("split", [1, 2, 3, 6])
async def test_a_split_client_hello_opens_no_other_way(stage: Stage, split: int) -> None:
    agent = await stage.agent()
    await agent.connect()
    await agent.handshake(stage.trust, split=split)
    assert (await agent.ask(request("POST", "/v1/files"))).status == 403
    assert (await agent.ask(request())).status == 200
    assert len(stage.provider.heads) == 1


async def test_http2_is_not_offered(stage: Stage) -> None:
    stage.trust.set_alpn_protocols(["h2", "http/1.1"])
    agent = await stage.inside()
    assert agent._tls is not None
    assert agent._tls.selected_alpn_protocol() == "http/1.1"
    only = ssl.create_default_context(cadata=stage.authority.certificate_pem.decode())
    only.set_alpn_protocols(["h2"])
    other = await stage.agent()
    await other.connect()
    await other.handshake(only)
    await other.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert (await other.response()).status == 505


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_old_tls_is_refused(stage: Stage) -> None:
    stage.trust.minimum_version = ssl.TLSVersion.TLSv1
    stage.trust.maximum_version = ssl.TLSVersion.TLSv1_1
    stage.trust.set_ciphers("ALL:@SECLEVEL=0")
    agent = await stage.agent()
    await agent.connect()
    with pytest.raises((Closed, ssl.SSLError)):
        await agent.handshake(stage.trust)


async def test_pipelined_requests_are_each_checked(stage: Stage) -> None:
    agent = await stage.inside()
    await agent.send(request() + request("POST", "/v1/files") + request())
    assert (await agent.response()).status == 200
    assert (await agent.response()).status == 403
    assert (await agent.response()).status == 200
    assert len(stage.provider.heads) == 2


async def test_a_request_hidden_in_a_body_stays_a_body(stage: Stage) -> None:
    hidden = '\r\n{"model":\r\n"POST /v1/files HTTP/1.1"}\r\n'
    agent = await stage.inside()
    assert (await agent.ask(request(body=hidden))).status == 200
    assert stage.provider.bodies == [hidden.encode()]
    assert len(stage.provider.heads) == 1


async def test_endless_pipelining_behind_a_held_request_is_cut(stage: Stage) -> None:
    release = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        await release.wait()

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.send(request())

    async def flood() -> None:
        for _ in range(100):
            await agent.send(request() * 50)
        await agent.read()

    with pytest.raises((ConnectionError, Closed)):
        await flood()
    release.set()


@pytest.mark.parametrize("chunk", ["zz\r\n", "-1\r\n", "2\r\n{}xx0\r\n\r\n", "fffffffffffffffffffff\r\n"])
async def test_a_bad_chunk_ends_the_connection(stage: Stage, chunk: str) -> None:
    agent = await stage.inside()
    await agent.send(request("POST", "/v1/messages", body="", chunked=True) + chunk.encode())
    assert await agent.closed()
    (flow,) = await stage.over()
    assert flow.state == "error"
    assert stage.provider.bodies == []


async def test_a_body_that_is_announced_but_cut_is_not_completed(stage: Stage) -> None:
    agent = await stage.inside()
    await agent.send(request(body='{"model": "x"}' + " " * 100)[:-50])
    agent.writer.close()
    (flow,) = await stage.over()
    assert flow.state == "error"
    assert stage.provider.connections == 0


def self_signed(directory: Path, host: str, days: int) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=30))
        .not_valid_after(now + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "self.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize(
    "fault", ["wrong host", "partial wildcard", "self-signed", "expired", "signed by us", "old tls"]
)
async def test_an_upstream_that_cannot_be_verified_gets_nothing(
    build: Build,
    authorities: tuple[CertificateAuthority, CertificateAuthority],
    short_directory: Path,
    fault: str,
) -> None:
    ours, public = authorities
    match fault:
        case "wrong host":
            context = server_context(public, "example.org", short_directory)
        case "partial wildcard":
            context = server_context(public, "ap*.anthropic.com", short_directory)
        case "self-signed":
            context = self_signed(short_directory, HOST, 30)
        case "expired":
            context = self_signed(short_directory, HOST, -1)
        case "signed by us":
            context = server_context(ours, HOST, short_directory)
        case _:
            context = server_context(public, HOST, short_directory)
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
    stage = await build(context=context)
    agent = await stage.inside()
    response = await agent.ask(request())
    assert response.status == 502
    assert msgspec.json.decode(response.body)["error"]["type"] == "api_error"
    assert response.header("x-should-retry") is None  # the network may be better in a moment
    assert stage.provider.heads == []
    (flow,) = await stage.over()
    assert "cannot be verified" in flow.reason or fault == "old tls"


async def test_an_upstream_without_tls_gets_nothing(build: Build) -> None:
    stage = await build()
    got = b""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        got = await reader.read(65536)
        writer.write(reply())
        writer.close()

    # The same port, without TLS: whoever sits there must not be told the key.
    for server in stage.servers:
        server.close()
    server = await asyncio.start_server(plain, "127.0.0.1", stage.provider.port)
    agent = await stage.inside()
    assert (await agent.ask(request())).status == 502
    server.close()
    assert got.startswith(b"\x16\x03")
    assert REAL_KEY.encode() not in got


async def test_an_upstream_that_is_not_there(stage: Stage) -> None:
    for server in stage.servers:
        server.close()
    agent = await stage.inside()
    response = await agent.ask(request())
    assert response.status == 502
    (flow,) = await stage.over()
    assert flow.state == "error"


def test_there_are_enough_attacks() -> None:
    assert len(OUTSIDE) + len(IN_TUNNEL) + len(INSIDE) + len(ANSWERS) >= 150
