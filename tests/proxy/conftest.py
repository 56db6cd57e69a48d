from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from ironcurtain_tui.credentials.credential import Credential, FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.events import Flow
from ironcurtain_tui.listener import Listener, UnixListener
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.base import Provider
from ironcurtain_tui.providers.body import ServerTools
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.destination import Resolve, resolve
from ironcurtain_tui.proxy.route import Route, Upstream
from ironcurtain_tui.proxy.server import Proxy
from ironcurtain_tui.traffic.keeper import TrafficKeeper

from .stage import OPEN_HOST, REAL_KEY, SENTINEL, Build, FakeProvider, RecordingGate, Stage, server_context


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[CertificateAuthority, CertificateAuthority]:
    """Ours and the public one of the world on this stage."""
    root = tmp_path_factory.mktemp("ca")
    return CertificateAuthority.load_or_create(root / "ours"), CertificateAuthority.load_or_create(root / "public")


@pytest.fixture
def short_directory() -> Iterator[Path]:
    """A directory whose paths are short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="ic", dir="/tmp") as name:
        yield Path(name)


@pytest_asyncio.fixture
async def build(
    authorities: tuple[CertificateAuthority, CertificateAuthority], short_directory: Path
) -> AsyncIterator[Build]:
    """Make a stage ``of`` a provider; ``context`` is the upstream's; ``direct`` leaves the address to the resolver.

    ``network``: where the provider may lie; ``at_its_port``: it is reached on the port where it listens.
    """
    ours, public = authorities
    stages: list[Stage] = []

    async def make(
        *,
        context: ssl.SSLContext | None = None,
        direct: bool = False,
        resolve: Resolve = resolve,
        token: str | None = None,
        door: Listener | None = None,
        keeper: TrafficKeeper | None = None,
        of: Provider = ANTHROPIC,
        server_tools: ServerTools = ServerTools.STRIP,
        network: str = "",
        ca_pem: bytes = b"",
        at_its_port: bool = False,
        key: Credential | None = None,
        beside: tuple[Route, ...] = (),
    ) -> Stage:
        provider = FakeProvider(public, context or server_context(public, of.hosts[0].name, short_directory))
        server = await asyncio.start_server(provider.serve, "127.0.0.1", 0, ssl=provider.context)
        provider.port = server.sockets[0].getsockname()[1]
        if at_its_port:
            of = replace(of, hosts=(replace(of.hosts[0], port=provider.port), *of.hosts[1:]))
        ca_pem = ca_pem or (public.certificate_pem if network else b"")
        upstream = None if direct else Upstream("127.0.0.1", provider.port, public.certificate_pem)
        other = FakeProvider(public, server_context(public, OPEN_HOST, short_directory))
        other_server = await asyncio.start_server(other.serve, "127.0.0.1", 0, ssl=other.context)
        other.port = other_server.sockets[0].getsockname()[1]
        gate = RecordingGate(Policy([*of.rules(), *(rule for each in beside for rule in each.provider.rules())]))
        flows: list[Flow] = []
        path = short_directory / f"p{len(stages)}.sock"
        proxy = Proxy(
            door or UnixListener(path),
            ours,
            [
                Route(
                    of,
                    SENTINEL,
                    key or FixedKey(Secret(REAL_KEY)),
                    upstream,
                    server_tools,
                    ca_pem=ca_pem,
                    network=network,
                ),
                *beside,
            ],
            gate,
            flows.append,
            resolve=resolve,
            upstreams={OPEN_HOST: Upstream("127.0.0.1", other.port, public.certificate_pem)},
            token=token,
            keeper=keeper,
        )
        await proxy.start()
        trust = ssl.create_default_context(cadata=ours.certificate_pem.decode())
        stage = Stage(proxy, path, ours, provider, gate, flows, trust, [server, other_server], other)
        stages.append(stage)
        return stage

    yield make
    for stage in stages:
        for agent in stage.agents:
            agent.writer.close()
        await stage.proxy.stop(grace=0)
        for server in stage.servers:
            server.close()


@pytest_asyncio.fixture
async def stage(build: Build) -> Stage:
    return await build()
