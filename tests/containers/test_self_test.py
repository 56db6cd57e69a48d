from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path

import pytest

from ironcurtain_tui.containers import self_test
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.self_test import Finding, Listeners, SelfTest, SelfTestReport, report
from ironcurtain_tui.containers.spec import ContainerSpec, HostLimits, create_body
from tests.containers.conftest import GID, UID, Create, Doors


def names(result: SelfTestReport) -> set[str]:
    return {finding.name for finding in result.failures}


@pytest.mark.engine
async def test_passes_in_the_agents_container(engine: Engine, create: Create, open_doors: Doors) -> None:
    container = create("sleep", "infinity")
    await asyncio.to_thread(container.start)
    test = SelfTest(engine, container)
    result = await asyncio.to_thread(test.run)
    assert result.passed, result.failures
    assert {finding.name for finding in result.findings} >= {
        "door-proxy", "door-forwarder", "door-mcp", "interfaces", "routes", "outward", "dns", "host-tcp", "host-udp",
        "vsock", "privileges", "host-heard",
    }  # fmt: skip
    assert open_doors.connects == [f"CONNECT {test.host}:443 HTTP/1.1"] * 2


@pytest.mark.engine
async def test_notices_a_hole_made_on_purpose(
    engine: Engine, shell_image: str, open_doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patient = tmp_path / "probe.py"  # on a busy machine even one that answers may take its time
    patient.write_text(self_test.PROBE.read_text().replace("\nPATIENCE = 0.5\n", "\nPATIENCE = 30.0\n"))
    assert patient.read_text() != self_test.PROBE.read_text()
    monkeypatch.setattr(self_test, "PROBE", patient)
    spec = ContainerSpec(
        "0123456789ab", shell_image, ("sleep", "infinity"), {}, open_doors.sockets, open_doors.workspace, UID, GID
    )
    body = create_body(spec, HostLimits(2, 4 << 30))
    body["HostConfig"] |= {"NetworkMode": "bridge", "ReadonlyRootfs": False}
    created = engine.client.create_container_from_config(body, spec.name)
    container = AgentContainer(engine.client, engine.address, created["Id"], spec.name)
    try:
        await asyncio.to_thread(container.start)
        result = await asyncio.to_thread(SelfTest(engine, container).run)
    finally:
        container.remove()
    assert not result.passed
    assert names(result) >= {"interfaces", "routes", "outward", "host-tcp", "host-udp", "host-heard", "privileges"}
    heard = next(finding.detail for finding in result.findings if finding.name == "host-heard")
    gateway = engine.bridge_gateway()
    assert f"tcp {gateway}" in heard
    assert f"udp {gateway}" in heard


@pytest.mark.engine
async def test_fails_when_a_door_is_shut(engine: Engine, create: Create, doors: Doors) -> None:
    proxy = await asyncio.start_unix_server(doors.proxy, doors.sockets / "proxy.sock")
    (doors.sockets / "proxy.sock").chmod(0o666)
    container = create("sleep", "infinity")
    async with proxy:
        await asyncio.to_thread(container.start)
        result = await asyncio.to_thread(SelfTest(engine, container).run)
    assert names(result) == {"door-mcp"}


@pytest.mark.engine
def test_fails_when_it_cannot_be_made(engine: Engine, create: Create) -> None:
    test = SelfTest(engine, create("sleep", "infinity"))  # never started
    for result in (test.sealed(), test.doors(), test.run()):
        assert not result.passed
        assert names(result) == {"probe"}


def test_a_listener_hears_only_who_knows_the_nonce() -> None:
    with Listeners(["127.0.0.1"], "nonce") as listeners:
        (target,) = listeners.targets
        with socket.create_connection(target) as known, socket.create_connection(target) as stranger:
            known.sendall(b"nonce")
            stranger.sendall(b"hello")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            datagrams.sendto(b"hello", target)
            datagrams.sendto(b"nonce", target)
    assert sorted(listeners.heard) == ["tcp 127.0.0.1", "udp 127.0.0.1"]


def test_an_address_the_host_does_not_have_is_left_out() -> None:
    with Listeners(["192.0.2.7", "127.0.0.1"], "nonce") as listeners:
        assert [address for address, _ in listeners.targets] == ["127.0.0.1"]


def good(**changes: object) -> bytes:
    return json.dumps([{"name": "routes", "ok": True, "detail": ""} | changes]).encode()


def test_all_good_and_nothing_heard_passes() -> None:
    assert report(0, good(), []) == SelfTestReport(
        True, (Finding("routes", True, ""), Finding("host-heard", True, "nothing arrived"))
    )


@pytest.mark.parametrize(
    ("code", "output", "heard"),
    [
        (0, good(ok=False), []),
        (0, good(), ["tcp 172.17.0.1"]),
        (1, good(), []),
        (0, b"", []),
        (0, b"[]", []),
        (0, b"Traceback", []),
        (0, good(ok="yes"), []),
        (0, good(surprise=1), []),
        (127, b"python3: not found", []),
    ],
)
def test_anything_else_fails(code: int, output: bytes, heard: list[str]) -> None:
    assert not report(code, output, heard).passed
