from __future__ import annotations

import asyncio
import os
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from ironcurtain_tui.listener import TcpListener
from ironcurtain_tui.packages.package import Kind, Registry, Unserved
from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.registry_login import RegistryLogin
from ironcurtain_tui.proxy.route import Upstream
from ironcurtain_tui.proxy.server import Proxy
from tests.proxy.stage import Agent, RecordingGate

from .world import AGES, CARGO, DEBIAN, HOSTS, NPM, PYPI, World, open_world

REGISTRIES = (
    Registry.parse(Kind.NPM, f"https://{NPM}/"),
    Registry.parse(Kind.PYPI, f"https://{PYPI}/simple/"),
    Registry.parse(Kind.CARGO, f"sparse+https://{CARGO}/"),
    Registry.parse(Kind.DEBIAN, f"http://{DEBIAN}/debian"),
)
TOKEN = "a-token-of-the-test"
DEADLINE = 150.0
"""Seconds for one command of a real client; the machine may be busy."""


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[CertificateAuthority, CertificateAuthority]:
    """Ours and the registries'."""
    root = tmp_path_factory.mktemp("package-ca")
    return CertificateAuthority.load_or_create(root / "ours"), CertificateAuthority.load_or_create(root / "public")


@pytest.fixture
def world(authorities: tuple[CertificateAuthority, CertificateAuthority], tmp_path: Path) -> Iterator[World]:
    with open_world(authorities[1], tmp_path) as world:
        world.publish("leftpad", AGES)
        yield world


@dataclass
class Shop:
    """A real proxy before the registries of ``world``, and a place to run their clients in."""

    world: World
    gate: RecordingGate
    proxy: Proxy
    port: int
    bundle: Path
    directory: Path
    trust: ssl.SSLContext
    agents: list[Agent] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """For a client that finds nothing on this machine but the proxy."""
        url = f"http://ironcurtain:{TOKEN}@127.0.0.1:{self.port}"
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.directory),
            "HTTPS_PROXY": url,
            "https_proxy": url,
            "SSL_CERT_FILE": str(self.bundle),
            "LANG": "C.UTF-8",
        }

    async def run(self, *command: str, cwd: Path | None = None, **more: str) -> tuple[int, str]:
        """Exit code, and both outputs together."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd or self.directory,
            env={**self.environment, **more},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), DEADLINE)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, output.decode("utf-8", "replace")

    async def inside(self, host: str, port: int = 443) -> Agent:
        """A raw client whose tunnel to ``host`` stands."""
        agent = Agent(*await asyncio.open_connection("127.0.0.1", self.port))
        self.agents.append(agent)
        answer = await connect(agent, host, port)
        assert answer == 200
        await agent.handshake(self.trust, host)
        return agent


async def connect(agent: Agent, host: str, port: int = 443) -> int:
    """The status of a CONNECT to ``host``."""
    import base64

    token = base64.b64encode(f"ironcurtain:{TOKEN}".encode()).decode()
    head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\nProxy-Authorization: Basic {token}\r\n\r\n"
    await agent.send(head.encode())
    return (await agent.response(connect=True)).status


@pytest_asyncio.fixture
async def make_shop(
    world: World, authorities: tuple[CertificateAuthority, CertificateAuthority], tmp_path: Path
) -> AsyncIterator[object]:
    """Open a shop with rules of one's own."""
    shops: list[Shop] = []
    ours, public = authorities

    async def loopback(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async def make(
        rules: PackageRules | None = None,
        registries: tuple[Registry, ...] = REGISTRIES,
        logins: Mapping[Registry, RegistryLogin] | None = None,
        unserved: tuple[Unserved, ...] = (),
    ) -> Shop:
        rules = rules or PackageRules()
        door = TcpListener("127.0.0.1")
        gate = RecordingGate(Policy((), packages=rules))
        upstream = Upstream("127.0.0.1", world.port, public.certificate_pem)
        proxy = Proxy(
            door,
            ours,
            [],
            gate,
            lambda _: None,
            upstreams={} if world.at_its_port else dict.fromkeys(HOSTS, upstream),
            resolve=loopback,
            names_address=lambda _: world.at_its_port,
            extra_ca=public.certificate_pem,
            registry_logins=logins,
            unserved=unserved,
            token=TOKEN,
            registries=registries,
            packages=rules,
        )
        await proxy.start()
        bundle = tmp_path / "bundle.pem"
        bundle.write_bytes(ours.certificate_pem)
        directory = Path(tempfile.mkdtemp(dir=tmp_path))
        trust = ssl.create_default_context(cadata=ours.certificate_pem.decode())
        shop = Shop(world, gate, proxy, door.port, bundle, directory, trust)
        shops.append(shop)
        return shop

    yield make
    for shop in shops:
        for agent in shop.agents:
            agent.writer.close()
        await shop.proxy.stop(grace=0)


@pytest_asyncio.fixture
async def shop(make_shop: object) -> Shop:
    return await make_shop()  # type: ignore[operator, no-any-return]
