from __future__ import annotations

import asyncio
import json
import socket
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.containers import self_test
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.self_test import (
    Finding,
    Framed,
    Listeners,
    NoResultError,
    Result,
    SelfTest,
    SelfTestReport,
    decoded,
    framed,
)
from ironcurtain_tui.containers.spec import TESTED_ENTRYPOINT, ContainerSpec, HostLimits, create_body
from tests.containers.conftest import GID, UID, Create, Doors, Judge
from tests.waiting import PATIENCE, wait_until


def names(result: SelfTestReport) -> set[str]:
    return {finding.name for finding in result.failures}


def slow_probe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the probe takes for ever."""
    probe = tmp_path / "probe.py"
    probe.write_text("import time\nwhile True: time.sleep(60)\n")
    monkeypatch.setattr(self_test, "PROBE", probe)


def tried(engine: Engine, doors: Doors, container: AgentContainer, timeout: float = 60.0) -> tuple[SelfTest, Finding]:
    """``container`` started and tested; the only thing that was found, and did fail."""
    test = SelfTest(engine, doors.sockets)
    with container.attach() as terminal:
        test.begin(doors=False)
        container.start()
        (finding,) = test.sealed(container, terminal, timeout).failures
    return test, finding


@pytest.mark.engine
async def test_passes_in_the_agents_container(engine: Engine, create: Create, open_doors: Doors) -> None:
    """With open doors both halves are tried by one process, which nothing has to be run for."""
    container = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT)
    container.exec = None  # type: ignore[assignment,method-assign]
    test = SelfTest(engine, open_doors.sockets)
    result = await asyncio.to_thread(test.run, container)
    assert result.passed, result.failures
    assert [finding.name for finding in result.findings] == [
        "interfaces", "routes", "outward", "dns", "host-tcp", "host-udp", "vsock", "privileges", "host-heard",
        "network", "door-proxy", "door-forwarder", "door-mcp",
    ]  # fmt: skip
    assert open_doors.connects == [f"CONNECT {test.host}:443 HTTP/1.1"] * 2
    assert test.said == b""
    assert not (open_doors.sockets / "self-test").exists(), "nothing of it is left for the agent"


@pytest.mark.engine
async def test_doors_that_are_not_open_yet_are_tried_afterwards(engine: Engine, create: Create, doors: Doors) -> None:
    container, test = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT), SelfTest(engine, doors.sockets)
    with container.attach() as terminal:
        await asyncio.to_thread(partial(test.begin, doors=False))
        await asyncio.to_thread(container.start)
        assert (await asyncio.to_thread(test.sealed, container, terminal)).passed
    await asyncio.to_thread(container.release)
    async with (
        await asyncio.start_unix_server(doors.proxy, doors.sockets / "proxy.sock"),
        await asyncio.start_unix_server(doors.mcp, doors.sockets / "mcp.sock"),
    ):
        for door in doors.sockets.glob("*.sock"):
            door.chmod(0o666)
        result = await asyncio.to_thread(test.doors, container)
    assert result.passed, result.failures
    assert [finding.name for finding in result.findings] == ["door-proxy", "door-forwarder", "door-mcp"]
    assert not (doors.sockets / "self-test").exists()


@pytest.mark.engine
async def test_notices_a_hole_made_on_purpose(
    engine: Engine, shell_image: str, open_doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(self_test, "PATIENCE", 30.0)  # on a busy machine even one that answers may take its time
    spec = ContainerSpec(
        "0123456789ab", shell_image, ("sleep", "infinity"), {}, open_doors.sockets, open_doors.workspace, UID, GID
    )
    body = create_body(spec, HostLimits(2, 4 << 30))
    body["HostConfig"] |= {"NetworkMode": "bridge", "ReadonlyRootfs": False}
    created = engine.client.create_container_from_config(body, spec.name)
    container = AgentContainer(engine.client, engine.address, created["Id"], spec.name)
    try:
        result = await asyncio.to_thread(SelfTest(engine, open_doors.sockets).run, container)
    finally:
        container.remove()
    assert not result.passed
    assert names(result) >= {
        "interfaces",
        "routes",
        "outward",
        "host-tcp",
        "host-udp",
        "host-heard",
        "privileges",
        "network",
    }
    heard = next(finding.detail for finding in result.findings if finding.name == "host-heard")
    gateway = engine.bridge_gateway()
    assert f"tcp {gateway}" in heard
    assert f"udp {gateway}" in heard


LIAR = """#!/bin/sh
# Given the probe and what it is to look for, it says what is wanted to be heard.
nonce=$(grep -o '"nonce": "[0-9a-f]*"' "$4" | cut -d'"' -f4)
printf '%s{"sealed": [{"name": "routes", "ok": true, "detail": "none"}], "doors": []}%s' "$nonce" "$nonce"
"""


@pytest.mark.engine
def test_an_image_that_lies_does_not_hide_a_network(engine: Engine, shell_image: str, doors: Doors) -> None:
    """The probe runs in the image; what the engine says does not."""
    (doors.sockets / "python3").write_text(LIAR)
    (doors.sockets / "python3").chmod(0o755)
    env = {"PATH": "/run/ironcurtain:/usr/bin:/bin"}
    spec = ContainerSpec(
        "0123456789ab", shell_image, ("sleep", "infinity"), env, doors.sockets, doors.workspace, UID, GID
    )
    body = create_body(spec, HostLimits(2, 4 << 30))
    body["HostConfig"]["NetworkMode"] = "bridge"
    created = engine.client.create_container_from_config(body, spec.name)
    container = AgentContainer(engine.client, engine.address, created["Id"], spec.name)
    try:
        _, finding = tried(engine, doors, container)
    finally:
        container.remove()
    assert finding == Finding("network", False, "bridge")


@pytest.mark.engine
async def test_fails_when_a_door_is_shut(judge: Judge, doors: Doors) -> None:
    proxy = await asyncio.start_unix_server(doors.proxy, doors.sockets / "proxy.sock")
    (doors.sockets / "proxy.sock").chmod(0o666)
    async with proxy:
        result = await asyncio.to_thread(judge)
    assert names(result) == {"door-mcp"}


@pytest.mark.engine
def test_a_probe_that_never_answers_is_a_failure_in_words(
    engine: Engine, create: Create, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_probe(tmp_path, monkeypatch)
    container = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT)
    _, finding = tried(engine, doors, container, timeout=1.0)
    assert finding == Finding("probe", False, "no result within 1 s")


@pytest.mark.engine
def test_a_container_without_the_probe_is_not_passed(engine: Engine, create: Create, doors: Doors) -> None:
    _, finding = tried(engine, doors, create("sleep", "infinity"), timeout=1.0)
    assert finding.name == "probe"


@pytest.mark.engine
def test_where_the_probe_cannot_run_nothing_runs(engine: Engine, create: Create, doors: Doors) -> None:
    """An image without Python, say."""
    container = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT, env={"PATH": "/nowhere"})
    _, finding = tried(engine, doors, container)
    assert "no result, the container ended; it said " in finding.detail
    assert "python3: not found" in finding.detail
    container.wait()
    assert not container.running()


@pytest.mark.engine
def test_what_a_dying_entry_point_says_is_told(
    engine: Engine, create: Create, doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow_probe(tmp_path, monkeypatch)
    dying = ("/bin/sh", "-c", "echo the forwarder broke; exit 69")
    _, finding = tried(engine, doors, create(entrypoint=(*TESTED_ENTRYPOINT[:-1], *dying)))
    assert finding == Finding("probe", False, "no result, the container ended; it said 'the forwarder broke'")


@pytest.mark.engine
def test_what_the_container_says_beside_the_result_is_kept_for_its_terminal(
    engine: Engine, create: Create, doors: Doors
) -> None:
    talking = ("/bin/sh", "-c", "echo one; sleep 0.2; echo two; exec sleep infinity")
    container = create(entrypoint=(*TESTED_ENTRYPOINT[:-1], *talking))
    test = SelfTest(engine, doors.sockets)
    with container.attach() as terminal:
        test.begin(doors=False)
        container.start()
        result = test.sealed(container, terminal)
        said = bytearray(test.said)
        terminal.settimeout(PATIENCE)
        while not said.endswith(b"two\r\n"):
            said += terminal.recv(100)
    assert result.passed, result.failures
    assert said == b"one\r\ntwo\r\n"


@pytest.mark.engine
def test_the_agent_is_alone_with_its_own_children(engine: Engine, create: Create, doors: Doors) -> None:
    """The probe is the init process's to reap, and gone."""
    container, test = create("sleep", "infinity", entrypoint=TESTED_ENTRYPOINT), SelfTest(engine, doors.sockets)
    with container.attach() as terminal:
        test.begin(doors=False)
        container.start()
        assert test.sealed(container, terminal).passed
    container.release()

    def processes() -> list[str]:
        _, output = container.exec(["ps", "-eo", "ppid=,stat=,comm="])
        return [" ".join(line.split()) for line in output.decode().splitlines()]

    wait_until(lambda: any("sleep" in line for line in processes()) and not any("python" in p for p in processes()))
    children = [line for line in processes() if not line.endswith((" ps", " socat"))]
    assert [line.split()[0] for line in children] == ["0", "1"], "init and the agent"
    assert not [line for line in children if "Z" in line.split()[1]]


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


def test_all_that_was_sent_is_heard_before_it_stops() -> None:
    with Listeners(["127.0.0.1"], "nonce") as listeners:
        (target,) = listeners.targets
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
            for _ in range(100):
                datagrams.sendto(b"nonce", target)
        assert listeners.stop() == ["udp 127.0.0.1"] * 100


@given(st.binary(max_size=30), st.binary(max_size=30), st.binary(max_size=30))
def test_the_result_is_what_stands_between_the_nonces(before: bytes, result: bytes, after: bytes) -> None:
    nonce = "0123456789abcdef"
    output = before + nonce.encode() + result + nonce.encode() + after
    assert framed(output, nonce) == Framed(result, before + after)
    whole = len(output) - len(after)
    for length in range(whole):
        assert framed(output[:length], nonce) is None


def good(**changes: object) -> bytes:
    finding = {"name": "routes", "ok": True, "detail": ""} | changes
    return json.dumps({"sealed": [finding], "doors": []}).encode()


def test_a_good_result_is_read() -> None:
    assert decoded(good()) == Result([Finding("routes", True, "")], [])


@pytest.mark.parametrize("output", [b"", b"[]", b"{}", b"Traceback", good(ok="yes"), good(surprise=1)])
def test_anything_else_is_none(output: bytes) -> None:
    with pytest.raises(NoResultError, match="no result"):
        decoded(output)


def test_nothing_checked_is_nothing_passed() -> None:
    assert not SelfTestReport.of([]).passed


# --- what sealed makes of a result, without an engine --------------------------------------------------


@pytest.fixture
def idle_engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr(self_test, "host_addresses", lambda _: ["127.0.0.1"])
    monkeypatch.setattr(Engine, "networks_of", lambda *_: {"none"})
    return Engine(None, "unix:///nowhere")


def verdict(engine: Engine, sockets: Path, result: bytes, contact: bool = False) -> SelfTestReport:
    """On a container whose terminal brings ``result``, after somebody made ``contact`` with a listener."""
    test = SelfTest(engine, sockets)
    test.begin(doors=False)
    wanted = json.loads((sockets / "self-test" / "wanted.json").read_text())
    nonce = wanted["nonce"].encode()
    if contact:
        with socket.create_connection(tuple(wanted["targets"][0])) as connection:
            connection.sendall(nonce)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(nonce + result + nonce)
        return test.sealed(AgentContainer(None, "", "", ""), ours)


def test_all_good_and_nothing_heard_passes(idle_engine: Engine, tmp_path: Path) -> None:
    assert verdict(idle_engine, tmp_path, good()) == SelfTestReport(
        True,
        (
            Finding("routes", True, ""),
            Finding("host-heard", True, "nothing arrived"),
            Finding("network", True, "none"),
        ),
    )


@pytest.mark.parametrize(
    ("result", "contact", "failed"),
    [
        (good(ok=False), False, "routes"),
        (good(), True, "host-heard"),
        (b'{"sealed": [], "doors": []}', False, "probe"),
        (b"", False, "probe"),
    ],
)
def test_anything_else_fails(idle_engine: Engine, tmp_path: Path, result: bytes, contact: bool, failed: str) -> None:
    assert names(verdict(idle_engine, tmp_path, result, contact)) == {failed}


def test_a_flood_instead_of_a_result_ends(idle_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "LARGEST_RESULT", 1000)
    test = SelfTest(idle_engine, tmp_path)
    test.begin(doors=False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"x" * 1001)
        (finding,) = test.sealed(AgentContainer(None, "", "", ""), ours).failures
    assert finding.detail.startswith("no result, but more than 1000 bytes")
