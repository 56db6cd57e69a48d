"""From inside a running session: two doors, and nothing else. Aimed only at listeners of the test's own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.self_test import host_addresses
from tests.e2e.conftest import Installation, container_of, installed
from tests.e2e.tmux import PATIENCE

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def inside(engine: Engine, installation: Installation) -> AgentContainer:
    """The container of a running shell session."""
    return container_of(engine, installation.start("--agent", "shell", "--rehearsal"))


@pytest.fixture(params=["first start", "from a spare"])
def inside_either(engine: Engine, request: pytest.FixtureRequest) -> Iterator[AgentContainer]:
    """The same, and one that was put into a network namespace made beforehand."""
    with installed(engine, spares=True) as installation:
        start = installation.start if request.param == "first start" else installation.start_from_a_spare
        yield container_of(engine, start("--agent", "shell", "--rehearsal"))


@pytest.fixture
def listeners(engine: Engine) -> Iterator[tuple[list[tuple[str, int]], list[str]]]:
    """TCP and UDP listeners on every address of this host, and what they heard."""
    heard: list[str] = []
    targets: list[tuple[str, int]] = []
    sockets: list[socket.socket] = []

    def serve(sock: socket.socket, kind: str) -> None:
        try:
            while True:
                if kind == "tcp":
                    connection, peer = sock.accept()
                    connection.close()
                else:
                    _, peer = sock.recvfrom(100)
                heard.append(f"{kind} from {peer}")
        except OSError:
            return

    for address in host_addresses(engine):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            tcp = socket.create_server((address, 0), family=family)
        except OSError:
            continue  # a bridge that another engine of this host has taken over
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, tcp.getsockname()[1]))
        sockets += [tcp, udp]
        targets.append((address, tcp.getsockname()[1]))
        for sock, kind in ((tcp, "tcp"), (udp, "udp")):
            threading.Thread(target=serve, args=(sock, kind), daemon=True).start()
    yield targets, heard
    for sock in sockets:
        sock.close()


PROBE = """
import socket, sys
for line in sys.argv[1].split():
    address, port = line.rsplit("|")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        s = socket.socket(family, kind); s.settimeout(1)
        try:
            s.connect((address, int(port))); s.send(b"out"); print("OUT", address, kind)
        except OSError as error: print("shut", address, error.strerror or error)
try: print("OUT dns", socket.getaddrinfo("localhost.test.invalid", 80))
except OSError: print("shut dns")
"""


def test_nothing_gets_out_but_through_the_doors(
    inside_either: AgentContainer, listeners: tuple[list[tuple[str, int]], list[str]]
) -> None:
    inside, (targets, heard) = inside_either, listeners
    # Loopback inside is the container's own: connecting there says nothing, hearing it outside would.
    outside = [target for target in targets if target[0] not in {"127.0.0.1", "::1"}]
    assert outside, "the test needs an address of this host to aim at"
    _, output = inside.exec(["python3", "-c", PROBE, " ".join(f"{address}|{port}" for address, port in targets)])
    text = output.decode()
    assert "shut" in text
    for address, _ in outside:
        assert f"OUT {address} 1" not in text
    assert "OUT dns" not in text
    assert heard == []
    _, interfaces = inside.exec(["sh", "-c", "ls /sys/class/net; cat /proc/net/route | tail -n +2"])
    assert interfaces.split() == [b"lo"]


def curl(inside: AgentContainer, *arguments: str) -> tuple[str, str]:
    """Status and body of a request made with curl, through the proxy its environment names."""
    command = ["curl", "-s", "--max-time", "150", "-w", "\n%{http_code} %{http_connect}", *arguments]
    _, output = inside.exec(command, PATIENCE)
    body, _, codes = output.decode("utf-8", "replace").strip().rpartition("\n")
    return codes, body


def test_an_unlisted_host_is_refused(inside: AgentContainer) -> None:
    codes, body = curl(inside, "https://unlisted.invalid/")
    assert codes == "000 403", body


def test_a_foreign_key_is_refused(inside: AgentContainer) -> None:
    url = "https://api.anthropic.com/v1/messages"
    codes, body = curl(inside, "-H", "x-api-key: sk-ant-api03-somebody-elses-key-0000000000", "-d", "{}", url)
    assert codes.startswith("403"), body
    assert '"type":"error"' in body.replace(" ", "")
    assert curl(inside, "-d", "{}", url)[0].startswith(("401", "403")), "and so is none"


def test_the_sentinel_opens_only_its_provider(inside: AgentContainer) -> None:
    _, sentinel = inside.exec(["sh", "-c", "printf %s $ANTHROPIC_API_KEY"])
    key = f"x-api-key: {sentinel.decode()}"
    assert curl(inside, "-H", key, "https://api.anthropic.com/v1/files")[0].startswith("403"), "not every endpoint"
    assert curl(inside, "-H", key, "https://unlisted.invalid/")[0] == "000 403", "no other host"
    codes, body = curl(
        inside,
        *("-H", key, "-H", "content-type: application/json", "-H", "anthropic-version: 2023-06-01"),
        *("-d", '{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"SAY: through"}]}'),
        "https://api.anthropic.com/v1/messages",
    )
    assert codes.startswith("200"), body
    assert "through" in body, "the way that is meant to work does"


def test_the_agent_cannot_change_what_it_was_given(inside: AgentContainer) -> None:
    for command in ("touch /run/ironcurtain/x", "rm /run/ironcurtain/ca-cert.pem", "touch /usr/x", "touch /etc/x"):
        code, output = inside.exec(["sh", "-c", command])
        assert code != 0, command
        assert b"Read-only" in output or b"denied" in output, output
    _, status = inside.exec(["cat", "/proc/self/status"])
    fields = dict(line.split(":\t", 1) for line in status.decode().splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == 0
    assert int(fields["CapBnd"], 16) == 0
    assert fields["NoNewPrivs"].strip() == "1"
    assert fields["Seccomp"].strip() == "2"
    assert inside.exec(["id", "-u"])[1].strip() == b"1000"
