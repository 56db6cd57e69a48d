"""A gateway on the real listener: its own host, port and authority, in a private network that is named."""

from __future__ import annotations

import json

import pytest

from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.gateway import through
from ironcurtain_tui.proxy.authority import CertificateAuthority

from .stage import REAL_KEY, SENTINEL, Build, request

Authorities = tuple[CertificateAuthority, CertificateAuthority]
HOST = "llm.corp.example"
BODY = json.dumps({"model": "m", "messages": []})


def ask(path: str, host: str = HOST) -> bytes:
    return request("POST", path, f"Authorization: Bearer {SENTINEL}", body=BODY, key=None, host=host)


async def test_it_is_reached_below_its_path_with_its_key(build: Build) -> None:
    stage = await build(of=through(PROVIDERS["openai"], f"https://{HOST}:8443/llm/v1", "corp"))
    agent = await stage.agent()
    assert (await agent.connect(f"{HOST}:8443")).status == 200
    await agent.handshake(stage.trust, HOST)
    assert (await agent.ask(ask("/llm/v1/chat/completions", f"{HOST}:8443"))).status == 200
    assert f"Authorization: Bearer {REAL_KEY}".encode() in stage.provider.heads[0]
    assert (await agent.ask(ask("/v1/chat/completions", f"{HOST}:8443"))).status == 403
    assert len(stage.provider.heads) == 1
    assert (await (await stage.agent()).connect(f"{HOST}:443")).status == 403


@pytest.mark.parametrize(("network", "status"), [("127.0.0.0/8", 200), ("10.0.0.0/8", 502)])
async def test_a_private_address_must_be_in_the_network_that_is_named(build: Build, network: str, status: int) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    gateway = through(PROVIDERS["openai"], f"https://{HOST}/v1", "corp")
    stage = await build(of=gateway, direct=True, resolve=resolve, network=network, at_its_port=True)
    port = stage.provider.port
    agent = await stage.agent()
    assert (await agent.connect(f"{HOST}:{port}")).status == 200
    await agent.handshake(stage.trust, HOST)
    assert (await agent.ask(ask("/v1/chat/completions", f"{HOST}:{port}"))).status == status
    assert stage.provider.connections == (1 if status == 200 else 0)


async def test_only_its_own_authority_vouches_for_it(build: Build, authorities: Authorities) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    gateway = through(PROVIDERS["openai"], f"https://{HOST}/v1", "corp")
    stage = await build(
        of=gateway,
        direct=True,
        resolve=resolve,
        network="127.0.0.0/8",
        at_its_port=True,
        ca_pem=authorities[0].certificate_pem,
    )
    agent = await stage.agent()
    assert (await agent.connect(f"{HOST}:{stage.provider.port}")).status == 200
    await agent.handshake(stage.trust, HOST)
    assert (await agent.ask(ask("/v1/chat/completions", f"{HOST}:{stage.provider.port}"))).status == 502
    assert stage.provider.heads == []
