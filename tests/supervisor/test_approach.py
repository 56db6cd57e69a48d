"""What is prepared for a session that may come: shut, used while it stands, and gone with whoever prepared it."""

from __future__ import annotations

import asyncio
import secrets
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.network import SessionNetwork
from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.sessions.reconcile import reconcile
from ironcurtain_tui.supervisor.approach import Approach
from ironcurtain_tui.supervisor.doorway import Doorway, TcpPart
from tests.conftest import engine_or_skip
from tests.waiting import wait_until

pytestmark = pytest.mark.engine

STANDBY = """
import sys
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.supervisor.approach import Approach
Approach.prepare(Engine.connect(), *sys.argv[1:])
print("prepared", flush=True)
sys.stdin.read()
"""
ASK = "import socket,sys; s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 10); print(s.recv(100))"
"""A neighbour's question: connects, and waits for whatever comes."""


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine_or_skip()
    engine = Engine.connect()
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def image(engine: Engine) -> str:
    return ensure_image(engine, "shell", lambda _: None)


@pytest.fixture(scope="module")
def sidecar(engine: Engine) -> str:
    return ensure_image(engine, "sidecar", lambda _: None)


@pytest.fixture
def session(engine: Engine) -> Iterator[str]:
    session = secrets.token_hex(6)
    yield session
    engine.remove_owned(session)


@pytest.fixture
async def approach(engine: Engine, sidecar: str, session: str) -> AsyncIterator[Approach]:
    """For TCP mode."""
    approach = await asyncio.to_thread(Approach.prepare, engine, session, "tcp", sidecar)
    yield approach
    await approach.remove()


def parts(approach: Approach) -> tuple[Doorway, TcpPart, SessionNetwork]:
    """Of one for TCP mode."""
    doorway, network = approach.doorway, approach.network
    assert doorway is not None
    assert doorway.tcp is not None
    assert network is not None
    return doorway, doorway.tcp, network


def names(engine: Engine, session: str) -> set[str]:
    return {one.name for one in (*engine.find_owned(), *engine.find_owned_networks()) if one.session_id == session}


# --- shut ---------------------------------------------------------------------------------------------


def test_nobody_answers_and_nobody_else_can(approach: Approach) -> None:
    _, where, _ = parts(approach)
    for port in (where.ports.proxy, where.ports.mcp):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((where.address, port), 10)
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind((where.address, port))


def test_a_neighbour_on_the_network_gets_nothing_but_the_end(
    engine: Engine, approach: Approach, image: str, session: str
) -> None:
    """The forwarders let it in, and have nowhere to go."""
    _, where, network = parts(approach)
    body = {
        "Image": image,
        "Entrypoint": ["sleep"],
        "Cmd": ["infinity"],
        "Labels": {"ironcurtain.session": session},
        "HostConfig": {"NetworkMode": network.name},
    }
    neighbour = engine.client.create_container_from_config(body, f"ironcurtain-test-{session}")["Id"]
    try:
        engine.client.start(neighbour)
        for port in (where.ports.proxy, where.ports.mcp):
            argv = ["python3", "-c", ASK, network.sidecar_address, str(port)]
            asked = engine.client.exec_create(neighbour, argv)["Id"]
            assert engine.client.exec_start(asked) == b"b''\n"
    finally:
        engine.client.remove_container(neighbour, force=True)


async def test_once_held_it_serves_only_who_has_the_token(approach: Approach) -> None:
    (doorway, where, _), served = parts(approach), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(await reader.readline())
        writer.write(b"served\n")
        writer.close()

    await doorway.hold()
    await doorway.gateway.open(serve, limit=LARGEST_MESSAGE)
    for shown, answer in ((b"wrong", b""), (approach.token.encode(), b"served\n")):
        reader, writer = await asyncio.open_connection(where.address, where.ports.mcp)
        writer.write(shown + b"\nhello\n")
        assert await reader.read() == answer
        writer.close()
    assert served == [b"hello\n"]


# --- standing -----------------------------------------------------------------------------------------


def test_pruning_takes_nothing_of_it(engine: Engine, approach: Approach, sidecar: str, session: str) -> None:
    mine = {"label": f"ironcurtain.session={session}"}  # not those of the tests beside this one
    assert not engine.client.prune_networks(mine)["NetworksDeleted"]
    assert not engine.client.prune_containers(mine)["ContainersDeleted"]
    assert approach.stands("tcp", sidecar)
    assert not approach.stands("uds", sidecar), "nor for sockets"


@pytest.mark.parametrize(
    "harm", ["stop", "pause", "disconnect", "leave the bridge", "join another", "remove", "holder"]
)
def test_it_does_not_stand_when_a_part_is_off(engine: Engine, approach: Approach, sidecar: str, harm: str) -> None:
    client, holder, (_, _, network) = engine.client, approach.namespace.holder, parts(approach)
    works = network.sidecar.id
    match harm:
        case "stop":  # as a restart of the engine does
            client.kill(works)
            client.wait(works)
        case "pause":
            client.pause(works)
        case "disconnect":
            client.disconnect_container_from_network(works, network.id)
        case "leave the bridge":
            client.disconnect_container_from_network(works, "bridge")
        case "join another":
            other = client.create_network(f"{network.name}-other", labels={"ironcurtain.session": network.name[12:]})
            client.connect_container_to_network(works, other["Id"])
        case "remove":
            holder.remove()
            network.remove()
        case "holder":
            client.kill(holder.id)
            client.wait(holder.id)
    assert not approach.stands("tcp", sidecar)
    assert approach.lasts() is (harm not in {"remove", "holder"})


def test_it_does_not_stand_with_an_address_of_another(engine: Engine, approach: Approach, sidecar: str) -> None:
    _, _, network = parts(approach)
    free = next(str(each) for each in list(network.subnet.hosts())[3:] if str(each) != network.sidecar_address)
    engine.client.disconnect_container_from_network(network.sidecar.id, network.id)
    engine.client.connect_container_to_network(network.sidecar.id, network.id, ipv4_address=free)
    assert not approach.stands("tcp", sidecar)


def test_it_does_not_stand_with_another_image(approach: Approach, image: str) -> None:
    assert not approach.stands("tcp", image)
    assert not approach.stands("tcp", "ironcurtain-no-such:image")


def test_it_does_not_stand_for_another_engine(
    approach: Approach, sidecar: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/other.sock")
    assert not approach.stands("tcp", sidecar)
    assert not approach.lasts()


# --- gone ---------------------------------------------------------------------------------------------


async def test_for_sockets_it_is_a_namespace(engine: Engine, image: str, sidecar: str, session: str) -> None:
    approach = await asyncio.to_thread(Approach.prepare, engine, session, "uds", image)
    assert names(engine, session) == {f"ironcurtain-{session}-namespace"}
    assert approach.stands("uds", sidecar)
    assert not approach.stands("tcp", sidecar), "nor for TCP mode"
    await approach.remove()
    assert not approach.stands("uds", sidecar)
    assert names(engine, session) == set()


async def test_it_is_removed_unused(engine: Engine, approach: Approach, sidecar: str, session: str) -> None:
    assert len(names(engine, session)) == 3
    await approach.remove()
    await approach.remove()
    assert names(engine, session) == set()
    assert not approach.stands("tcp", sidecar)
    _, where, _ = parts(approach)
    with socket.socket() as other:
        other.bind((where.address, where.ports.proxy))


def test_what_cannot_be_prepared_leaves_nothing(engine: Engine, session: str) -> None:
    for mode in ("uds", "tcp"):
        with pytest.raises(EngineRefusedError):
            Approach.prepare(engine, session, mode, "ironcurtain-no-such:image")
    assert names(engine, session) == set()


def test_a_killed_standbys_goes_and_a_living_ones_stays(
    engine: Engine, sidecar: str, session: str, tmp_path: Path
) -> None:
    standby = subprocess.Popen(
        [sys.executable, "-c", STANDBY, session, "tcp", sidecar], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert standby.stdout is not None
        assert standby.stdout.readline() == b"prepared\n"
        assert session not in repr(reconcile(engine, tmp_path))
        assert names(engine, session) == {f"ironcurtain-{session}{each}" for each in ("", "-sidecar", "-namespace")}
        standby.kill()
        wait_until(lambda: standby.poll() is not None)
        assert sum(session in line for line in reconcile(engine, tmp_path).removed) == 3
        assert names(engine, session) == set()
    finally:
        standby.kill()
        standby.communicate()
