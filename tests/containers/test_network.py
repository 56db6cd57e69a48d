"""TCP mode on a real engine: network and sidecar come and go, and the self-test notices every hole made on purpose."""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path

import docker.errors
import pytest

from ironcurtain_tui.containers import namespace as namespace_module
from ironcurtain_tui.containers import network as network_module
from ironcurtain_tui.containers import sidecar as sidecar_module
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.engine_info import EngineInfo
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.namespace import NetworkNamespace
from ironcurtain_tui.containers.network import SessionNetwork, address_wanders, door_address, network_mode
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.containers.sidecar import DoorPorts, SidecarSpec, open_ports, sidecar_body
from ironcurtain_tui.containers.spec import TESTED_ENTRYPOINT
from ironcurtain_tui.containers.subnet import candidates
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.listener import TcpListener, TokenListener
from tests.containers.conftest import Create, Doors, Judge
from tests.waiting import wait_until

TOKEN = "t0ken-of-this-session"
OWNER = {"ironcurtain.owner.pid": "1"}


# --- which mode ---------------------------------------------------------------------------------------


def info(operating_system: str) -> EngineInfo:
    return EngineInfo("28.0.0", "1.48", "x86_64", operating_system, "overlay2", 2, 4 << 30, Path("/"), False, ())


def test_auto_takes_sockets_where_they_can_be_mounted() -> None:
    debian, desktop = info("Debian GNU/Linux 12"), info("Docker Desktop")
    assert network_mode("auto", "linux", debian) == "uds"
    assert network_mode("auto", "darwin", desktop) == "tcp"
    assert network_mode("auto", "linux", desktop) == "tcp"
    assert network_mode("tcp", "linux", debian) == "tcp"
    with pytest.raises(UserFacingError, match="cannot mount a socket"):
        network_mode("uds", "darwin", desktop)


def test_an_engine_with_another_kernel_is_on_another_machine_unless_it_is_desktop() -> None:
    debian, desktop = (replace(info(name), kernel="6.1.0") for name in ("Debian GNU/Linux 12", "Docker Desktop"))
    assert network_mode("auto", "linux", debian, "6.1.0") == "uds"
    for wanted in ("auto", "uds", "tcp"):
        with pytest.raises(UserFacingError, match="another machine"):
            network_mode(wanted, "linux", debian, "6.12.0")
    assert network_mode("auto", "linux", desktop, "6.12.0") == "tcp"
    assert network_mode("auto", "darwin", debian, "24.0.0") == "tcp"


def test_a_rootless_engine_has_sockets_only() -> None:
    rootless = replace(info("Debian GNU/Linux 12"), rootless=True)
    assert network_mode("auto", "linux", rootless) == "uds"
    assert network_mode("uds", "linux", rootless) == "uds"
    with pytest.raises(UserFacingError, match="does not work with a rootless"):
        network_mode("tcp", "linux", rootless)


SIDECAR = SidecarSpec(
    "0123456789ab",
    "ironcurtain-sidecar:latest",
    DoorPorts(40001, 40002),
    IPv4Network("172.28.0.0/29"),
    "172.17.0.1",
    {},
)


def test_the_sidecar_holds_nothing_and_forwards_two_ports_for_one_network() -> None:
    body = sidecar_body(SIDECAR)
    host = body["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"] is True
    assert "no-new-privileges:true" in host["SecurityOpt"]
    assert not {"Mounts", "Binds", "PortBindings", "Tmpfs", "Devices", "CapAdd"} & set(host)
    assert host["Sysctls"] == {"net.ipv4.ip_forward": "0"}
    assert body["User"] == "65534:65534"
    assert body["Entrypoint"] == ["/bin/sh"]
    assert body["Cmd"][1].count("socat") == 2
    assert body["Cmd"][1].count("range=172.28.0.0/29") == 2


def test_open_ports_are_those_that_others_can_reach() -> None:
    listed = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0B00007F:9995 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 526841 1
   1: 00000000:9C41 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 526842 1
   2: 030011AC:A8D2 010011AC:9C41 01 00000001:00000000 01:00000014 00000000  1000        0 0 2
   0: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000
  10: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2
"""
    assert open_ports(listed) == {0x9C41, 22, 53}


# --- on the engine ------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def sidecar_image(engine: Engine) -> str:
    return ensure_image(engine, "sidecar", lambda _: None)


@dataclass
class TcpDoors:
    """Stand-ins for proxy and gateway at TCP ports; both want the token."""

    doors: Doors
    ports: DoorPorts
    host: str


@pytest.fixture
async def tcp_doors(engine: Engine, doors: Doors) -> AsyncIterator[TcpDoors]:
    right = base64.b64encode(f"ironcurtain:{TOKEN}".encode())

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status = b"403 Forbidden" if right in head else b"407 Proxy Authentication Required"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    host = door_address(engine, sys.platform)
    proxy_port, mcp_port = TcpListener(host), TcpListener(host)
    gateway = TokenListener(mcp_port, TOKEN)
    await proxy_port.open(proxy)
    await gateway.open(doors.mcp)
    (doors.sockets / "token").write_text(TOKEN + "\n")
    yield TcpDoors(doors, DoorPorts(proxy_port.port, mcp_port.port), host)
    proxy_port.close()
    gateway.close()


Join = Callable[[], SessionNetwork]


@pytest.fixture
def join(engine: Engine, sidecar_image: str, tcp_doors: TcpDoors) -> Iterator[Join]:
    """Makes networks of sessions; all are removed at the end."""
    made: list[SessionNetwork] = []

    def join() -> SessionNetwork:
        made.append(
            SessionNetwork.create(engine, secrets.token_hex(6), sidecar_image, tcp_doors.ports, tcp_doors.host, OWNER)
        )
        return made[-1]

    yield join
    for network in made:
        engine.remove_owned(network.name.removeprefix("ironcurtain-"))


def failed(report: SelfTestReport) -> set[str]:
    return {finding.name for finding in report.failures}


@pytest.mark.engine
async def test_the_two_doors_and_nothing_else(judge: Judge, join: Join) -> None:
    network = await asyncio.to_thread(join)
    report = await asyncio.to_thread(judge, network)
    assert report.passed, report.failures
    assert {finding.name for finding in report.findings} >= {
        "door-proxy", "door-mcp", "doors-locked", "interfaces", "routes", "neighbours", "dns", "host-tcp", "host-udp",
        "host-broadcast", "vsock", "privileges", "host-heard", "network", "sidecar",
    }  # fmt: skip


@pytest.mark.engine
async def test_the_same_holds_in_a_namespace_made_beforehand(
    engine: Engine, judge: Judge, join: Join, shell_image: str
) -> None:
    network = await asyncio.to_thread(join)
    session = network.name.removeprefix("ironcurtain-")
    make = partial(NetworkNamespace.create, engine, session, shell_image, OWNER)
    namespace = await asyncio.to_thread(make, network.agents_part)
    report = await asyncio.to_thread(partial(judge, network, namespace=namespace.holder.id))
    assert report.passed, report.failures
    assert namespace.stands()
    await asyncio.to_thread(engine.connect_network, "bridge", namespace.holder.id)
    assert not namespace.stands()
    another = {"session_id": secrets.token_hex(6), "namespace": namespace.holder.id}
    report = await asyncio.to_thread(partial(judge, network, **another))
    assert failed(report) >= {"interfaces", "routes", "host-tcp", "host-heard", "network"}


NAME_SERVER = """
import socket
listener = socket.create_server(("127.0.0.2", 53))
while True:
    with listener.accept()[0] as asker:
        question = asker.recv(512)
        asker.sendall(question[:4] + bytes([question[4] | 0x80, 3]) + question[6:])
"""
"""Says that no name exists."""


@pytest.mark.engine
async def test_a_name_server_that_asks_somebody_else_is_noticed(
    engine: Engine, judge: Judge, create: Create, join: Join, shell_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it asks somebody else only after it was refused."""
    real = namespace_module.network_options
    monkeypatch.setattr(
        namespace_module, "network_options", lambda network: {**real(network), "Dns": ["127.0.0.1", "127.0.0.2"]}
    )
    network = await asyncio.to_thread(join)
    session = network.name.removeprefix("ironcurtain-")
    make = partial(NetworkNamespace.create, engine, session, shell_image, OWNER)
    namespace = (await asyncio.to_thread(make, network.agents_part)).holder.id
    server = create(entrypoint=("python3", "-c", NAME_SERVER), namespace=namespace)
    await asyncio.to_thread(server.start)
    tables = ["cat", "/proc/net/tcp"]
    await asyncio.to_thread(wait_until, lambda: b" 0200007F:0035 " in server.exec(tables)[1])
    report = await asyncio.to_thread(partial(judge, network, namespace=namespace))
    assert failed(report) == {"dns"}
    assert "answers with code 3" in {finding.detail for finding in report.failures}


@pytest.mark.engine
async def test_a_bridge_on_which_the_host_has_an_address_is_noticed(
    engine: Engine, judge: Judge, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_gateway(name: str, subnet: IPv4Network, labels: dict[str, str]) -> str:
        ipam = {"Driver": "default", "Config": [{"Subnet": str(subnet), "Gateway": str(subnet[1])}]}
        made = engine.client.create_network(name, driver="bridge", internal=True, ipam=ipam, labels=labels)
        return str(made["Id"])

    monkeypatch.setattr(engine, "create_network", with_gateway)
    network = await asyncio.to_thread(join)
    report = await asyncio.to_thread(judge, network)
    assert failed(report) >= {"neighbours", "host-tcp", "host-heard"}
    heard = next(finding.detail for finding in report.findings if finding.name == "host-heard")
    assert f"tcp {network.subnet[1]}" in heard
    assert f"tcp {engine.bridge_gateway()}" in heard


@pytest.mark.engine
async def test_another_container_on_the_network_is_noticed(
    engine: Engine, judge: Judge, join: Join, shell_image: str
) -> None:
    network = await asyncio.to_thread(join)
    body = {
        "Image": shell_image,
        "Entrypoint": ["sleep"],
        "Cmd": ["infinity"],
        "HostConfig": {"NetworkMode": network.name},
    }
    stranger = engine.client.create_container_from_config(body, f"ironcurtain-test-{secrets.token_hex(4)}")["Id"]
    try:
        engine.client.start(stranger)
        report = await asyncio.to_thread(judge, network)
    finally:
        engine.client.remove_container(stranger, force=True)
    assert failed(report) == {"neighbours", "network"}


@pytest.mark.engine
async def test_a_second_network_of_the_agents_is_noticed(
    engine: Engine, create: Create, join: Join, doors: Doors
) -> None:
    network = await asyncio.to_thread(join)
    session = network.name.removeprefix("ironcurtain-")
    fields = {"session_id": session, "network": network.agents_part, "entrypoint": TESTED_ENTRYPOINT}
    container = create("sleep", "infinity", **fields)
    await asyncio.to_thread(engine.connect_network, "bridge", container.id)
    report = await asyncio.to_thread(SelfTest(engine, doors.sockets, network).run, container)
    assert failed(report) >= {"interfaces", "routes", "host-tcp", "host-heard", "network"}


@pytest.mark.engine
async def test_a_third_port_of_the_sidecars_is_noticed(
    judge: Judge, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sidecar_module.forwarders
    monkeypatch.setattr(
        sidecar_module, "forwarders", lambda spec: f"socat TCP-LISTEN:2222,fork TCP:127.0.0.1:9 & {real(spec)}"
    )
    network = await asyncio.to_thread(join)
    assert failed(await asyncio.to_thread(judge, network)) == {"sidecar"}


@pytest.mark.engine
async def test_datagrams_are_noticed(judge: Judge, join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broadcast goes past the missing address, to whoever listens on the host."""
    from ironcurtain_tui.containers import spec

    profile = spec.seccomp_profile
    monkeypatch.setattr(spec, "seccomp_profile", lambda **_: profile())
    network = await asyncio.to_thread(join)
    report = await asyncio.to_thread(judge, network)
    assert failed(report) >= {"host-broadcast", "host-heard"}
    assert "udp everybody" in next(finding.detail for finding in report.findings if finding.name == "host-heard")


@pytest.mark.engine
async def test_doors_that_open_without_the_token_are_noticed(
    engine: Engine, judge: Judge, sidecar_image: str, doors: Doors
) -> None:
    host = door_address(engine, sys.platform)
    proxy, mcp = TcpListener(host), TcpListener(host)
    await proxy.open(doors.proxy)
    await mcp.open(doors.mcp)
    (doors.sockets / "token").write_text(TOKEN + "\n")
    network = await asyncio.to_thread(
        SessionNetwork.create, engine, secrets.token_hex(6), sidecar_image, DoorPorts(proxy.port, mcp.port), host, OWNER
    )
    try:
        report = await asyncio.to_thread(judge, network)
    finally:
        engine.remove_owned(network.name.removeprefix("ironcurtain-"))
        proxy.close()
        mcp.close()
    assert "doors-locked" in failed(report)


@pytest.mark.engine
async def test_a_shut_door_is_told(judge: Judge, join: Join, tcp_doors: TcpDoors) -> None:
    tcp_doors.ports = replace(tcp_doors.ports, mcp=1)  # nobody listens there
    network = await asyncio.to_thread(join)
    report = await asyncio.to_thread(judge, network)
    assert "door-mcp" in failed(report)
    assert "door-proxy" not in failed(report)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to make a bridge")
def test_a_bridge_whose_address_wanders_is_told_from_one_that_has_its_own() -> None:
    bridge = f"icbr{os.getpid()}"[:15]
    subprocess.run(["ip", "link", "add", bridge, "type", "bridge"], check=True)
    try:
        assert address_wanders(bridge)
        subprocess.run(["ip", "link", "set", "dev", bridge, "address", "02:42:ac:11:00:01"], check=True)
        assert not address_wanders(bridge)
    finally:
        subprocess.run(["ip", "link", "delete", bridge], check=True)
    assert not address_wanders(bridge), "there is none here"


@pytest.mark.engine
def test_everything_is_labelled_found_and_removed(engine: Engine, sidecar_image: str) -> None:
    session, ports = secrets.token_hex(6), DoorPorts(40001, 40002)
    network = SessionNetwork.create(engine, session, sidecar_image, ports, engine.bridge_gateway(), OWNER)
    assert engine.container_ip(network.sidecar.id, network.name) == network.sidecar_address
    assert network.sidecar_address in {str(address) for address in network.subnet.hosts()}
    (owned,) = [each for each in engine.find_owned_networks() if each.session_id == session]
    assert owned.labels["ironcurtain.owner.pid"] == "1"
    (sidecar,) = [each for each in engine.find_owned() if each.session_id == session]
    assert sidecar.name == f"ironcurtain-{session}-sidecar"
    assert sidecar.labels["ironcurtain.owner.pid"] == "1"
    network.remove()
    network.remove()
    assert session not in {each.session_id for each in (*engine.find_owned(), *engine.find_owned_networks())}


@pytest.mark.engine
def test_a_network_that_somebody_else_has_joined_is_left(engine: Engine, sidecar_image: str, shell_image: str) -> None:
    network = SessionNetwork.create(
        engine, secrets.token_hex(6), sidecar_image, DoorPorts(40001, 40002), engine.bridge_gateway(), OWNER
    )
    body = {
        "Image": shell_image,
        "Entrypoint": ["sleep"],
        "Cmd": ["infinity"],
        "HostConfig": {"NetworkMode": network.name},
    }
    stranger = engine.client.create_container_from_config(body, f"ironcurtain-test-{secrets.token_hex(4)}")["Id"]
    try:
        engine.client.start(stranger)
        network.remove()
        assert engine.client.inspect_network(network.id)["Name"] == network.name
    finally:
        engine.client.remove_container(stranger, force=True)
        network.remove()
    with pytest.raises(docker.errors.NotFound):
        engine.client.inspect_network(network.id)


@pytest.mark.engine
def test_a_leftover_of_the_same_name_is_stepped_around(engine: Engine, sidecar_image: str, shell_image: str) -> None:
    """Names are given to containers, and a name that two networks have means none."""
    session = secrets.token_hex(6)
    make = partial(SessionNetwork.create, engine, session, sidecar_image, DoorPorts(40001, 40002))
    joined = make(engine.bridge_gateway(), OWNER)
    labels = {**OWNER, "ironcurtain.session": session}
    body = {
        "Image": shell_image,
        "Entrypoint": ["sleep"],
        "Cmd": ["infinity"],
        "Labels": labels,
        "HostConfig": {"NetworkMode": joined.name},
    }
    stranger = engine.client.create_container_from_config(body, f"ironcurtain-test-{session}")["Id"]
    try:
        engine.client.start(stranger)
        joined.remove()
        network = make(engine.bridge_gateway(), OWNER)
        assert network.name != joined.name
        holder = NetworkNamespace.create(engine, session, shell_image, OWNER, network.agents_part).holder
        attached = engine.client.inspect_container(holder.id)["NetworkSettings"]["Networks"]
        assert {each["NetworkID"] for each in attached.values()} == {network.id}
        assert len([each for each in engine.find_owned_networks() if each.session_id == session]) == 2
    finally:
        engine.remove_owned(session)
    assert session not in {each.session_id for each in (*engine.find_owned(), *engine.find_owned_networks())}


@pytest.mark.engine
def test_what_fails_half_way_leaves_nothing(engine: Engine) -> None:
    session = secrets.token_hex(6)
    with pytest.raises(EngineRefusedError, match="is not there"):
        SessionNetwork.create(engine, session, "ironcurtain-no-such:image", DoorPorts(1, 2), "172.17.0.1", OWNER)
    assert session not in {each.session_id for each in (*engine.find_owned(), *engine.find_owned_networks())}


@pytest.mark.engine
def test_a_sidecar_with_another_address_than_the_agent_was_told_is_refused(
    engine: Engine, sidecar_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, session = engine.connect_network, secrets.token_hex(6)
    monkeypatch.setattr(engine, "connect_network", lambda network, container, _: connect(network, container))
    with pytest.raises(EngineRefusedError, match="gave the sidecar"):
        SessionNetwork.create(engine, session, sidecar_image, DoorPorts(1, 2), engine.bridge_gateway(), OWNER)
    assert session not in {each.session_id for each in (*engine.find_owned(), *engine.find_owned_networks())}


@pytest.mark.engine
def test_the_agents_container_may_be_there_first(
    engine: Engine, create: Create, sidecar_image: str, shell_image: str
) -> None:
    """With neighbours even: the sidecar's address is kept for it."""
    session = secrets.token_hex(6)
    network = SessionNetwork.lay(engine, session, sidecar_image, DoorPorts(1, 2), engine.bridge_gateway(), OWNER)
    try:
        create("sleep", "infinity", session_id=session, network=network.agents_part).start()
        NetworkNamespace.create(engine, session, shell_image, OWNER, network.agents_part)
        assert not network.stands(sidecar_image)
        network.start()
        assert network.stands(sidecar_image)
    finally:
        engine.remove_owned(session)


@pytest.mark.engine
def test_a_taken_subnet_costs_a_try_and_tries_are_bounded(
    engine: Engine, sidecar_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "subnets", list)  # as if it had not been seen yet
    session = secrets.token_hex(6)
    first = next(candidates(f"ironcurtain-{session}", []))
    other = f"ironcurtain-test-{session}"
    taken = engine.create_network(other, first, {})
    try:
        network = SessionNetwork.create(
            engine, session, sidecar_image, DoorPorts(40001, 40002), engine.bridge_gateway(), OWNER
        )
        network.remove()
        assert network.subnet != first
        monkeypatch.setattr(network_module, "candidates", lambda *_: [first] * 1000)
        with pytest.raises(EngineRefusedError, match="none of 16 subnets"):
            SessionNetwork.create(engine, session, sidecar_image, DoorPorts(40001, 40002), "172.17.0.1", OWNER)
    finally:
        engine.remove_network(taken)


@pytest.mark.engine
def test_a_container_without_an_address_is_not_waited_for_without_end(engine: Engine, create: Create) -> None:
    container: AgentContainer = create("sleep", "infinity")
    with pytest.raises(EngineRefusedError, match="no address"):
        engine.container_ip(container.id, "bridge", timeout=0.1)
