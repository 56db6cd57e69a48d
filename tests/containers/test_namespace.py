"""A network namespace made beforehand: the agent's container in it is as sealed as one with its own, or is refused."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from functools import partial

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.namespace import NetworkNamespace, holder_body
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport, decoded, framed
from ironcurtain_tui.containers.spec import AT_START, DOORS, PROBE_COMMAND, SELF_TEST, AgentNetwork
from tests.containers.conftest import Create, Doors, Judge

OWNER = {"ironcurtain.owner.pid": "1"}
NONCE = 32
"""Its characters."""


@pytest.mark.parametrize("network", [None, AgentNetwork("ironcurtain-0123456789ab", "172.28.0.2")])
def test_the_holder_holds_nothing_else(network: AgentNetwork | None) -> None:
    body = holder_body("ironcurtain-shell:latest", OWNER, network)
    host = body["HostConfig"]
    assert host["NetworkMode"] == ("none" if network is None else network.name)
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not {"Mounts", "Binds", "PortBindings", "Tmpfs", "Devices", "CapAdd", "UsernsMode"} & set(host)
    assert body["User"] == "65534:65534"
    assert (body["Entrypoint"], body["Cmd"]) == (["sleep"], ["infinity"])
    assert holder_body("image", OWNER, network, remapped=True)["HostConfig"]["UsernsMode"] == "host"


@pytest.fixture
def namespace(engine: Engine, shell_image: str) -> Iterator[NetworkNamespace]:
    namespace = NetworkNamespace.create(engine, secrets.token_hex(6), shell_image, OWNER)
    yield namespace
    namespace.remove()


@pytest.mark.engine
async def test_the_agents_container_passes_in_it(judge: Judge, open_doors: Doors, namespace: NetworkNamespace) -> None:
    report = await asyncio.to_thread(partial(judge, namespace=namespace.holder.id))
    assert report.passed, report.failures


@pytest.mark.engine
async def test_one_that_leads_elsewhere_is_noticed(
    engine: Engine, judge: Judge, open_doors: Doors, namespace: NetworkNamespace
) -> None:
    """Before it is used, and again by what is tested from inside."""
    assert namespace.stands()
    client = engine.client
    client.disconnect_container_from_network(namespace.holder.id, "none")
    client.connect_container_to_network(namespace.holder.id, "bridge")
    assert not namespace.stands()
    report = await asyncio.to_thread(partial(judge, namespace=namespace.holder.id))
    assert {finding.name for finding in report.failures} >= {"interfaces", "routes", "host-heard"}


@pytest.mark.engine
async def test_without_its_holder_the_container_has_nothing_more_than_before(
    engine: Engine, create: Create, open_doors: Doors, namespace: NetworkNamespace
) -> None:
    container, test = create("sleep", "infinity", namespace=namespace.holder.id), SelfTest(engine, open_doors.sockets)
    await asyncio.to_thread(container.start)
    await asyncio.to_thread(namespace.remove)
    await asyncio.to_thread(partial(test.begin, doors=True))
    _, output = await asyncio.to_thread(container.exec, (*PROBE_COMMAND, f"{DOORS}/{SELF_TEST}/{AT_START}"))
    test.end()
    found = framed(output, output[:NONCE].decode())
    assert found is not None, output
    result = decoded(found.result)
    assert SelfTestReport.of([*result.sealed, *result.doors]).passed, result
    with pytest.raises(EngineRefusedError):
        create("sleep", "infinity", namespace=namespace.holder.id).start()


@pytest.mark.engine
def test_what_cannot_be_made_leaves_nothing(engine: Engine, shell_image: str) -> None:
    session = secrets.token_hex(6)
    with pytest.raises(EngineRefusedError):
        NetworkNamespace.create(engine, session, shell_image, {}, AgentNetwork("ironcurtain-no-such", "172.28.0.2"))
    assert session not in {each.session_id for each in engine.find_owned()}
