"""A network whose only way out is a proxy of its own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from ironcurtain_tui.credentials.credential import FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.events import Decision, Flow
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.packages.package import Kind, Registry
from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.policy.decide import PlacedRule, Policy
from ironcurtain_tui.policy.rules import RequestRule, Web
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.destination import Ways
from ironcurtain_tui.proxy.parent import ParentProxy, Parents
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.proxy.route import Destination, Route
from ironcurtain_tui.proxy.server import Proxy

from .corporate import CorporateProxy, pump
from .stage import (
    HOST,
    OPEN_HOST,
    REAL_KEY,
    SENTINEL,
    Agent,
    FakeProvider,
    RecordingGate,
    request,
    server_context,
)

PASSWORD = "person:pass word"


@dataclass
class Network:
    corporate: CorporateProxy
    provider: FakeProvider
    proxy: Proxy
    gate: RecordingGate
    path: Path
    flows: list[Flow]

    async def agent(self) -> Agent:
        return Agent(*await asyncio.open_unix_connection(self.path))


MakeNetwork = Callable[..., Awaitable[Network]]


async def unknown(host: str, port: int) -> list[str]:
    """What resolvers inside such networks say of the world's names."""
    raise OSError("no such name")


@pytest_asyncio.fixture
async def network(
    authorities: tuple[CertificateAuthority, CertificateAuthority], short_directory: Path
) -> AsyncIterator[MakeNetwork]:
    ours, public = authorities
    made: list[tuple[Network, list[asyncio.Server]]] = []

    async def make(
        *,
        password: str = "",
        shown: str = "",
        resolve: Callable[[str, int], Awaitable[list[str]]] = unknown,
        host: str = HOST,
        extra_ca: bytes | None = None,
        bypass: Callable[[str], bool] = lambda _: False,
        policy: Policy | None = None,
    ) -> Network:
        provider = FakeProvider(public, server_context(public, host, short_directory))
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=provider.context)
        corporate = CorporateProxy(server.sockets[0].getsockname()[1], password)
        parent_server = await asyncio.start_server(corporate.serve, "127.0.0.1", 0)
        corporate.port = parent_server.sockets[0].getsockname()[1]
        anthropic = PROVIDERS["anthropic"]
        gate = RecordingGate(policy or Policy(anthropic.rules()))
        path = short_directory / f"n{len(made)}.sock"
        flows: list[Flow] = []
        proxy = Proxy(
            UnixListener(path),
            ours,
            [Route(anthropic, SENTINEL, FixedKey(Secret(REAL_KEY)))],
            gate,
            flows.append,
            resolve=resolve,
            parents=Parents(ParentProxy("127.0.0.1", corporate.port, Secret(shown) if shown else None), bypass),
            extra_ca=public.certificate_pem if extra_ca is None else extra_ca,
            registries=[Registry.parse(Kind.NPM, f"https://{OPEN_HOST}/")],
            packages=PackageRules(),
        )
        await proxy.start()
        network = Network(corporate, provider, proxy, gate, path, flows)
        made.append((network, [server, parent_server]))
        return network

    yield make
    for network, servers in made:
        await network.proxy.stop(grace=0)
        for server in servers:
            server.close()


@pytest.fixture
def trust(authorities: tuple[CertificateAuthority, CertificateAuthority]) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authorities[0].certificate_pem.decode())


async def test_a_model_call_goes_through_it_encrypted(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    net = await network(password=PASSWORD, shown=PASSWORD)
    agent = await net.agent()
    assert (await agent.connect()).status == 200
    assert net.corporate.heads == []  # nothing is dialled before there is a request
    await agent.handshake(trust)
    for _ in range(2):
        assert (await agent.ask(request())).status == 200
    assert net.corporate.targets == [f"{HOST}:443"]  # and the connection is kept
    assert REAL_KEY.encode() in net.provider.seen
    assert not any(word in b"".join(net.corporate.heads) for word in (REAL_KEY.encode(), SENTINEL.encode()))


async def test_without_its_password_nothing_passes(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    net = await network(password=PASSWORD, shown="person:wrong")
    agent = await net.agent()
    await agent.connect()
    await agent.handshake(trust)
    assert (await agent.ask(request())).status == 502
    assert net.provider.connections == 0
    assert net.flows[-1].reason == "the network's own proxy refused to connect"


async def test_a_server_that_cannot_be_verified_gets_nothing(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    for options in ({"extra_ca": b""}, {"host": "other.example.org"}):
        net = await network(**options)
        agent = await net.agent()
        await agent.connect()
        await agent.handshake(trust)
        assert (await agent.ask(request())).status == 502
        assert net.provider.seen == b""


async def test_a_name_known_to_be_private_is_not_asked_for(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    async def private(host: str, port: int) -> list[str]:
        return ["10.0.0.7"]

    net = await network(resolve=private)
    agent = await net.agent()
    await agent.connect()
    await agent.handshake(trust)
    assert (await agent.ask(request())).status == 502
    assert net.corporate.heads == []


async def test_what_is_exempt_is_dialled_directly(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    net = await network(resolve=loopback, bypass=lambda host: host == HOST)
    agent = await net.agent()
    await agent.connect()
    await agent.handshake(trust)
    assert (await agent.ask(request())).status == 502  # private, so not at all; but not through the parent either
    assert net.corporate.heads == []


async def test_the_agent_never_gets_to_it(network: MakeNetwork) -> None:
    async def allow(action: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=Decision.ALLOW, blind=True)

    net = await network()
    net.gate.decide = allow
    agent = await net.agent()
    port = net.corporate.port
    assert (await agent.connect(f"127.0.0.1:{port}")).status == 403
    agent = await net.agent()
    assert (await agent.connect(f"localhost:{port}")).status == 403
    assert net.corporate.heads == []


async def test_not_even_by_its_name_where_the_policy_would_let_it() -> None:
    ways = Ways(unknown, parents=Parents(ParentProxy("proxy.corp.example", 3128)))
    assert (await ways.to(Destination("other.corp.example"), 443)).parent is not None
    with pytest.raises(Refusal, match="not the agent's to use"):
        await ways.to(Destination("proxy.corp.example"), 3128)


async def test_blind_tunnels_go_through_it_too(network: MakeNetwork) -> None:
    rule = RequestRule(name="x", host=OPEN_HOST, then=Decision.ALLOW)
    policy = Policy((), [PlacedRule(origin="user", rule=rule)], web=Web(blind=(f"{OPEN_HOST}:2222",)))
    net = await network(policy=policy)
    echo = await asyncio.start_server(lambda r, w: pump(r, w), "127.0.0.1", 0)
    net.corporate.target = echo.sockets[0].getsockname()[1]
    agent = await net.agent()
    assert (await agent.connect(f"{OPEN_HOST}:2222")).status == 200
    await agent.send(b"hello")
    assert await agent.exactly(5) == b"hello"
    assert net.corporate.targets == [f"{OPEN_HOST}:2222"]
    agent.writer.close()
    echo.close()


async def test_metadata_of_packages_is_fetched_through_it(network: MakeNetwork, trust: ssl.SSLContext) -> None:
    policy = Policy((), packages=PackageRules())
    net = await network(host=OPEN_HOST, policy=policy, password=PASSWORD, shown=PASSWORD)

    async def packument(writer: asyncio.StreamWriter, _: bytes) -> None:
        body = b'{"name":"x","versions":{}}'
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )

    net.provider.respond = packument
    agent = await net.agent()
    await agent.connect(f"{OPEN_HOST}:443")
    await agent.handshake(trust, OPEN_HOST)
    answer = await agent.ask(f"GET /x HTTP/1.1\r\nHost: {OPEN_HOST}\r\n\r\n".encode())
    assert answer.status == 200
    assert net.corporate.targets == [f"{OPEN_HOST}:443"]


@pytest.mark.parametrize("direct", [True, False])
async def test_metadata_is_never_fetched_from_a_private_address(
    network: MakeNetwork, trust: ssl.SSLContext, direct: bool
) -> None:
    async def private(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    policy = Policy((), packages=PackageRules())
    net = await network(host=OPEN_HOST, policy=policy, resolve=private, bypass=lambda _: direct)
    agent = await net.agent()
    await agent.connect(f"{OPEN_HOST}:443")
    await agent.handshake(trust, OPEN_HOST)
    answer = await agent.ask(f"GET /x HTTP/1.1\r\nHost: {OPEN_HOST}\r\n\r\n".encode())
    assert answer.status == 502
    assert b"not public" in answer.body
    assert (net.corporate.heads, net.provider.connections) == ([], 0)
