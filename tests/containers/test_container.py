from __future__ import annotations

import asyncio
import socket
import stat
import time
from pathlib import Path

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.spec import SESSION_LABEL
from tests.containers.conftest import GID, UID, Create, Doors
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.engine


def run(container: AgentContainer) -> bytes:
    """Everything that the container's terminal shows from its first to its last moment."""
    terminal = container.attach()
    assert terminal.gettimeout() == 0.0
    container.start()
    container.release()
    terminal.settimeout(PATIENCE)
    shown = bytearray()
    while chunk := terminal.recv(65536):
        shown += chunk
    terminal.close()
    return bytes(shown)


def read_until(terminal: socket.socket, end: bytes) -> bytes:
    terminal.settimeout(PATIENCE)
    shown = bytearray()
    while end not in shown:
        chunk = terminal.recv(65536)
        assert chunk, f"ended after {bytes(shown)!r}"
        shown += chunk
    return bytes(shown)


def test_attached_before_start_nothing_is_lost(create: Create) -> None:
    container = create("seq", "1", "20000")
    shown = run(container)
    assert shown == b"".join(b"%d\r\n" % number for number in range(1, 20001))
    assert container.wait() == 0


def test_the_same_agent_can_be_attached_to_again(create: Create) -> None:
    container = create("sh", "-c", "stty -echo; while read line; do echo got $line; done")
    first = container.attach()
    container.start()
    container.release()
    first.sendall(b"one\n")
    read_until(first, b"got one\r\n")
    second = container.attach()
    first.close()
    second.sendall(b"two\n")
    assert read_until(second, b"got two\r\n") == b"got two\r\n"
    second.close()
    assert container.running()


def test_ctrl_p_ctrl_q_reaches_the_agent(create: Create) -> None:
    container = create("sh", "-c", "stty raw -echo; printf ready; head -c 3 | od -An -tx1")
    terminal = container.attach()
    container.start()
    container.release()
    read_until(terminal, b"ready")
    terminal.sendall(b"\x10\x11x")
    assert b"10 11 78" in read_until(terminal, b"78")
    terminal.close()


def test_it_has_its_size_before_the_agent_starts_and_learns_of_changes(create: Create) -> None:
    container = create(
        "sh", "-c", 'trap "stty size; exit" WINCH; stty size; while :; do sleep 0.05; done', cols=100, lines=40
    )
    terminal = container.attach()
    container.start()
    container.release()
    assert read_until(terminal, b"\r\n") == b"40 100\r\n"
    container.resize(61, 17)
    assert read_until(terminal, b"\r\n") == b"17 61\r\n"
    terminal.close()
    assert container.wait() == 0
    container.resize(80, 24)  # ended: nothing to do, no error


def test_the_agent_waits_until_it_is_released(create: Create, doors: Doors) -> None:
    container = create("touch", "/workspace/started")
    container.start()
    code, _ = container.exec(["true"])
    assert code == 0
    assert not (doors.workspace / "started").exists()
    container.release()
    assert container.wait() == 0
    assert (doors.workspace / "started").exists()


def test_an_old_release_does_not_count(create: Create, doors: Doors) -> None:
    (doors.sockets / "released").touch()
    container = create("touch", "/workspace/started")
    container.start()
    assert container.exec(["true"])[0] == 0
    assert not (doors.workspace / "started").exists()


def test_exit_code_arrives(create: Create) -> None:
    container = create("sh", "-c", "exit 7")
    run(container)
    assert container.wait() == 7
    assert not container.running()


def test_exec_gives_exit_code_and_both_streams(create: Create) -> None:
    container = create("sleep", "infinity")
    container.start()
    code, output = container.exec(["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert code == 3
    assert sorted(output.splitlines()) == [b"err", b"out"]  # the engine keeps no order between the two
    code, output = container.exec(["head", "-c", "5000000", "/dev/zero"])
    assert code == 0
    assert len(output) == 1024 * 1024
    container.stop(timeout=0)
    with pytest.raises(EngineRefusedError, match="not running"):
        container.exec(["true"])


def test_stop_and_remove_can_be_repeated(create: Create) -> None:
    container = create("sleep", "infinity")
    container.start()
    for _ in range(2):
        container.stop(timeout=1)
    for _ in range(2):
        container.remove()
    container.stop(timeout=1)
    assert not container.running()


@pytest.mark.parametrize(
    "forbidden",
    [
        "touch /etc/x",
        "touch /usr/local/bin/x",
        "touch /run/ironcurtain/x",
        "mount -t tmpfs none /mnt",
        "unshare --user true",
        "chown root /workspace",
        "python3 -c 'import socket; socket.socket(socket.AF_VSOCK)'",
        "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
        "python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)'",
        "curl --noproxy '*' --max-time 5 http://192.0.2.1/",
    ],
)
def test_what_the_agent_cannot_do(hardened: AgentContainer, forbidden: str) -> None:
    code, output = hardened.exec(["sh", "-c", forbidden])
    assert code != 0, output


@pytest.mark.parametrize(
    "allowed",
    [
        "echo data > /workspace/file && cat /workspace/file",
        "cp /bin/true /tmp/true && /tmp/true",
        "cp /bin/true $HOME/true && $HOME/true",
        'mkdir -p $HOME/.config/a && test "$HOME" = /home/agent',
        "git init -q /workspace/repository && cd /workspace/repository && git status",
        'node -e \'new (require("worker_threads").Worker)("process.exit(0)", {eval: true})\'',
        "python3 -c 'import concurrent.futures as f; list(f.ProcessPoolExecutor(2).map(abs, [1, 2]))'",
        "npm --version && pip --version && rg --version && jq --version && nano --version && less --version",
    ],
)
def test_what_the_agent_can_do(hardened: AgentContainer, allowed: str) -> None:
    code, output = hardened.exec(["sh", "-c", allowed])
    assert code == 0, output


@pytest.fixture
def hardened(create: Create) -> AgentContainer:
    container = create("sleep", "infinity")
    container.start()
    return container


def test_files_belong_to_the_user_and_the_engine_enforces_the_limits(
    engine: Engine, hardened: AgentContainer, doors: Doors
) -> None:
    assert hardened.exec(["touch", "/workspace/file"])[0] == 0
    status = (doors.workspace / "file").stat()
    assert (status.st_uid, status.st_gid) == (UID, GID)
    host = engine.client.inspect_container(hardened.id)["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["PidsLimit"] == 512
    assert host["Memory"] == host["MemorySwap"] == 4 * 1024**3
    assert host["LogConfig"]["Type"] == "none"
    mounts = engine.client.inspect_container(hardened.id)["Mounts"]
    assert {(mount["Destination"], mount["RW"]) for mount in mounts if mount["Type"] == "bind"} == {
        ("/run/ironcurtain", False),
        ("/workspace", True),
    }


def test_orphans_are_reaped(hardened: AgentContainer) -> None:
    """Without an init process the dead child of a dead parent would stay for ever."""
    hardened.exec(["sh", "-c", "(tail -f /dev/null --pid $$ &) ; exit 0"])
    wait_until(lambda: b"tail" not in hardened.exec(["ps", "-eo", "comm="])[1])


def test_seed_files_are_in_place_and_writable(create: Create, doors: Doors) -> None:
    seed = doors.sockets / "seed" / ".config"
    seed.mkdir(parents=True)
    (seed / "settings.json").write_text("{}")
    (seed / "settings.json").chmod(0o444)
    (doors.sockets / "seed" / "tool").write_text("#!/bin/sh\necho runs\n")
    (doors.sockets / "seed" / "tool").chmod(0o555)
    shown = run(create("sh", "-c", "echo more >> ~/.config/settings.json && cat ~/.config/settings.json && ~/tool"))
    assert shown == b"{}more\r\nruns\r\n"


def test_the_entry_point_says_when_the_forwarder_cannot_start(create: Create, doors: Doors) -> None:
    broken = doors.workspace / "socat"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    container = create("true", env={"PATH": "/workspace:/usr/bin:/bin"})
    assert run(container) == b"ironcurtain: the forwarder to the proxy ended at once\r\n"
    assert container.wait() == 69


def test_exec_does_not_wait_for_ever(hardened: AgentContainer) -> None:
    with pytest.raises(EngineRefusedError, match="did not end within"):
        hardened.exec(["sleep", "infinity"], timeout=0.3)


async def test_the_forwarder_leads_to_the_proxy(create: Create, open_doors: Doors) -> None:
    container = create(
        "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_connect}", "https://example.invalid"
    )
    shown = await asyncio.to_thread(run, container)
    assert shown == b"403"
    assert open_doors.connects == ["CONNECT example.invalid:443 HTTP/1.1"]


def test_owned_containers_are_found_and_removed(engine: Engine, create: Create) -> None:
    container = create("sleep", "infinity", session_id="00000000aaaa", labels={"ironcurtain.owner-pid": "1"})
    container.start()
    (found,) = [item for item in engine.find_owned() if item.session_id == "00000000aaaa"]
    assert found.id == container.id
    assert found.running
    assert found.labels[SESSION_LABEL] == "00000000aaaa"
    assert found.labels["ironcurtain.owner-pid"] == "1"
    assert abs(found.created - time.time()) < 600
    assert engine.remove_owned("00000000aaaa") == 1
    assert engine.remove_owned("00000000aaaa") == 0
    assert not container.running()


def test_create_says_what_is_missing(create: Create, doors: Doors) -> None:
    with pytest.raises(EngineRefusedError, match="image ironcurtain-nonesuch is not there") as caught:
        create("true", image="ironcurtain-nonesuch")
    assert "image build" in caught.value.remedy
    with pytest.raises(EngineRefusedError, match="does not exist"):
        create("true", workspace=doors.workspace / "nowhere")
    assert not (doors.workspace / "nowhere").exists()


def test_the_sockets_directory_is_never_changed_by_the_agent(hardened: AgentContainer, doors: Doors) -> None:
    def state() -> tuple[int, list[Path]]:
        return stat.S_IMODE(doors.sockets.stat().st_mode), sorted(doors.sockets.iterdir())

    before = state()
    hardened.exec(["sh", "-c", "chmod 777 /run/ironcurtain; rm -rf /run/ironcurtain/*; ln -s /etc /run/ironcurtain/x"])
    assert state() == before
