"""TCP mode, whole: real Claude Code behind its sidecar, and every way out of that network that we could think of.

Every attempt is aimed at listeners of the test's own.
"""

from __future__ import annotations

import json
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import tag_of
from ironcurtain_tui.containers.self_test import host_addresses
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.rehearsal.conversation import Tool
from tests.e2e.conftest import CANARY, Installation, installed, wait_for_tool
from tests.e2e.tmux import PATIENCE, Tmux
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SERVER = """
import socket, threading
tcp = socket.create_server(("0.0.0.0", 7777))
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
udp.bind(("0.0.0.0", 7777))
print("ready", flush=True)
def hear():
    while True:
        print("heard", udp.recvfrom(100), flush=True)
threading.Thread(target=hear, daemon=True).start()
while True:
    connection, peer = tcp.accept()
    print("heard", peer, flush=True)
    connection.close()
"""


def members(engine: Engine, session: SessionPaths) -> tuple[AgentContainer, AgentContainer]:
    """The agent's container and its sidecar."""
    owned = {item.name: item for item in engine.find_owned() if item.session_id == session.session_id}
    owned.pop(f"ironcurtain-{session.session_id}-namespace", None)  # which a spare has made
    assert set(owned) == {f"ironcurtain-{session.session_id}", f"ironcurtain-{session.session_id}-sidecar"}
    agent, sidecar = (owned[name] for name in sorted(owned))
    return tuple(AgentContainer(engine.client, engine.address, one.id, one.name) for one in (agent, sidecar))  # type: ignore[return-value]


def in_tcp_mode(installation: Installation) -> None:
    """Have the sessions of ``installation`` use TCP mode."""
    installation.home.mkdir(exist_ok=True)
    with (installation.home / "config.toml").open("a") as configuration:
        configuration.write('\n[network]\nmode = "tcp"\n')


# --- what must work -----------------------------------------------------------------------------------


def test_claude_code_calls_model_and_tool(
    engine: Engine, with_key: Installation, terminal: Tmux, offered: dict[str, Tool]
) -> None:
    in_tcp_mode(with_key)
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    terminal.wait_for("no-egress")
    wait_for_tool(terminal, offered, "ironcurtain__where_am_i")
    terminal.submit("TOOL: ironcurtain__where_am_i {}\nSAY: made-by-42")
    terminal.wait_for(r"POST .*/v1/messages +✓ 200")
    terminal.wait_for("made-by-42")

    (session,) = with_key.sessions()
    agent, _ = members(engine, session)
    assert agent.exec(["find", "/run/ironcurtain", "-type", "s"])[1] == b"", "nothing is mounted as a socket"
    _, environment = agent.exec(["env"])
    assert CANARY not in environment.decode()
    with_key.run("stop")
    assert verify_file(session.audit_log, session.session_id).ok
    log = session.audit_log.read_text()
    records = [json.loads(line) for line in log.splitlines()]
    kinds = {record["kind"] for record in records}
    assert {"session.start", "self-test", "tunnel", "request", "request.end", "session.end"} <= kinds
    assert "where_am_i" in log
    assert (
        next(record for record in records if record["kind"] == "session.start")["data"]["info"]["network_mode"] == "tcp"
    )
    token = next(line for line in environment.decode().splitlines() if line.startswith("HTTPS_PROXY="))
    assert token.partition("ironcurtain:")[2].partition("@")[0] not in log
    assert not [one for one in engine.find_owned_networks() if one.session_id == session.session_id]


def test_the_terminal_has_the_size_it_is_given(installation: Installation, terminal: Tmux) -> None:
    in_tcp_mode(installation)
    installation.open(terminal, "run", "--workspace", str(installation.workspace), "--agent", "shell", "--rehearsal")
    terminal.wait_for("no-egress")
    sizes = []
    for cols, lines in ((200, 50), (120, 36)):
        terminal.resize(cols, lines)
        terminal.submit(f"echo size-$(stty size | tr ' ' x)-of-{cols}")
        found = terminal.wait_for(rf"size-\d+x\d+-of-{cols}")
        sizes.append(found.split("size-")[-1].split("-of")[0])
    assert sizes[0] != sizes[1]


# --- what must not ------------------------------------------------------------------------------------


@dataclass
class Inside:
    """A running session and its parts."""

    session: SessionPaths
    agent: AgentContainer
    sidecar: AgentContainer
    engine: Engine

    @property
    def sidecar_address(self) -> str:
        return self.engine.container_ip(self.sidecar.id, f"ironcurtain-{self.session.session_id}")

    def python(self, program: str, *arguments: str) -> str:
        """What ``program`` prints, run as the agent."""
        return self.agent.exec(["python3", "-c", program, *arguments], PATIENCE)[1].decode()


@pytest.fixture(scope="module", params=["first start", "from a spare"])
def inside(engine: Engine, request: pytest.FixtureRequest) -> Iterator[Inside]:
    with installed(engine, spares=True) as installation:
        in_tcp_mode(installation)
        start = installation.start if request.param == "first start" else installation.start_from_a_spare
        session = start("--agent", "shell", "--rehearsal")
        yield Inside(session, *members(engine, session), engine)


@dataclass
class Ears:
    """Listeners of this host: on each of its addresses, and one pair on all of them."""

    targets: list[tuple[str, int]] = field(default_factory=list)
    everywhere: int = 0
    heard: list[str] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)

    def listen(self, address: str) -> int:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        tcp = socket.create_server((address, 0), family=family)
        port = int(tcp.getsockname()[1])
        udp = socket.socket(family, socket.SOCK_DGRAM)
        udp.bind((address, port))
        for sock, take in ((tcp, tcp.accept), (udp, lambda: udp.recvfrom(100))):
            self.sockets.append(sock)
            threading.Thread(target=self._hear, args=(take,), daemon=True).start()
        return port

    def _hear(self, take: object) -> None:
        assert callable(take)
        with suppress(OSError):
            while True:
                what, peer = take()
                if isinstance(what, socket.socket):
                    what.close()
                self.heard.append(f"{peer}")


@pytest.fixture
def ears(engine: Engine) -> Iterator[Ears]:
    ears = Ears()
    for address in host_addresses(engine):
        with suppress(OSError):
            ears.targets.append((address, ears.listen(address)))
    ears.everywhere = ears.listen("0.0.0.0")  # noqa: S104 (whatever reaches this host anywhere)
    yield ears
    for sock in ears.sockets:
        sock.close()


@pytest.fixture
def strangers(engine: Engine) -> Iterator[dict[str, AgentContainer]]:
    """Containers that listen on port 7777: on the default bridge, another bridge, a second internal network."""
    made, networks = {}, []
    tag = secrets.token_hex(4)
    for name in ("bridge", f"ironcurtain-test-{tag}-open", f"ironcurtain-test-{tag}-internal"):
        if name != "bridge":
            networks.append(engine.client.create_network(name, internal=name.endswith("internal"))["Id"])
        body = {
            "Image": tag_of("shell"),
            "Entrypoint": ["python3", "-c", SERVER],
            "HostConfig": {"NetworkMode": name},
        }
        created = engine.client.create_container_from_config(body, f"ironcurtain-test-{tag}-{len(made)}")
        made[name] = AgentContainer(engine.client, engine.address, created["Id"], name)
        engine.client.start(created["Id"])
    yield made
    for container in made.values():
        container.remove()
    for network in networks:
        engine.remove_network(network)


ATTEMPT = """
import socket, sys
def attempt(name, work):
    try:
        work()
    except OSError as error:
        print("shut", name, error.strerror or error)
    else:
        print("OUT", name)
def tcp(address, port, device=False):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as s:
        s.settimeout(1.5)
        if device:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\\0")
        s.connect((address, port))
def udp(address, port):
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        s.sendto(b"out", (address, port))
for line in sys.argv[1].split():
    address, port = line.split("|")
    for kind in (tcp, udp, lambda a, p: tcp(a, p, True)):
        attempt(line, lambda: kind(address, int(port)))
for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
    attempt("socket", lambda: socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP))
attempt("packets", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300))
"""


def test_no_listener_of_ours_hears_the_agent(
    inside: Inside, ears: Ears, strangers: dict[str, AgentContainer], engine: Engine
) -> None:
    subnet = engine.client.inspect_network(f"ironcurtain-{inside.session.session_id}")["IPAM"]["Config"][0]["Subnet"]
    first = subnet.rpartition(".")[0] + "." + str(int(subnet.rpartition(".")[2].split("/")[0]) + 1)
    last = first.rpartition(".")[0] + "." + str(int(first.rpartition(".")[2]) + 6)
    targets = [target for target in ears.targets if target[0] not in {"127.0.0.1", "::1"}]  # those are its own inside
    targets += [(address, ears.everywhere) for address in (first, last, "255.255.255.255", "224.0.0.1", "ff02::1%eth0")]
    targets += [(f"{link_local}%eth0", ears.everywhere) for link_local in host_link_locals()]
    for name, stranger in strangers.items():
        targets.append((engine.container_ip(stranger.id, name), 7777))
    targets.append((engine.container_ip(inside.sidecar.id, "bridge"), ears.everywhere))
    text = inside.python(ATTEMPT, " ".join(f"{address}|{port}" for address, port in targets))
    assert text.count("shut") == 3 * len(targets) + 3, text
    assert "OUT" not in text
    assert ears.heard == []
    for stranger in strangers.values():
        assert b"heard" not in inside.engine.client.logs(stranger.id)
        assert b"ready" in inside.engine.client.logs(stranger.id), "it listened"


def host_link_locals() -> list[str]:
    """This host's link-local IPv6 addresses. Source: proc_net(5), if_inet6."""
    with suppress(OSError), Path("/proc/net/if_inet6").open() as table:
        rows = [line.split() for line in table]
        return [socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0])) for row in rows if row[0].startswith("fe80")]
    return []


SCAN = """
import socket, sys
found = []
for port in range(1, 65536):
    with socket.socket() as s:
        s.settimeout(2)
        if s.connect_ex((sys.argv[1], port)) == 0:
            found.append(port)
print(*found)
"""


def test_of_the_sidecar_only_the_two_doors_answer(inside: Inside) -> None:
    _, proxy = inside.agent.exec(["sh", "-c", "printf %s ${HTTPS_PROXY##*:}"])
    answering = inside.python(SCAN, inside.sidecar_address).split()
    assert len(answering) == 2
    assert proxy.decode() in answering


LOOK_UP = """
import socket, struct, sys
def ask(name):
    labels = b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
    message = struct.pack(">HHHHHH", 1, 256, 1, 0, 0, 0) + labels + b"\\0" + struct.pack(">HH", 1, 1)
    try:
        with socket.create_connection(("127.0.0.11", 53), 3) as s:
            s.sendall(struct.pack(">H", len(message)) + message)
            answer = s.recv(512)
        return "answers" if struct.unpack(">H", answer[8:10])[0] else "nothing"
    except OSError:
        return "silence"
for name in sys.argv[1:]:
    print(name, ask(name))
try:
    print(socket.getaddrinfo("example.invalid", 80))
except OSError:
    print("library: nothing")
"""


def test_no_name_is_looked_up_for_the_agent(inside: Inside, strangers: dict[str, AgentContainer]) -> None:
    names = [each.name for each in strangers.values() if each.name != "bridge"]
    said = inside.python(LOOK_UP, "localhost.invalid", *names).splitlines()
    assert said[-1] == "library: nothing"
    assert not [line for line in said if line.endswith("answers")]


def test_the_proxy_wants_the_token_and_the_right_port(inside: Inside) -> None:
    def curl(*arguments: str) -> str:
        command = ["curl", "-s", "-o", "/dev/null", "-m", "150", "-w", "%{http_connect}", *arguments]
        return inside.agent.exec(command, PATIENCE)[1].decode()

    _, url = inside.agent.exec(["sh", "-c", "printf %s $HTTPS_PROXY"])
    bare = "http://" + url.decode().partition("@")[2]
    known = "https://api.anthropic.com"
    assert curl(f"{known}/v1/models") == "200"
    assert curl("--proxy", bare, f"{known}/v1/models") == "407"
    assert curl("--proxy", bare.replace("//", "//ironcurtain:wrong@"), f"{known}/v1/models") == "407"
    assert curl(f"{known}:8443/") == "403"
    assert curl(f"{known}:22/") == "403"
    assert curl("https://unlisted.invalid/") == "403"
    code, _ = inside.agent.exec(["curl", "-sS", "--noproxy", "*", "-m", "150", f"{known}/"], PATIENCE)
    assert code == 6, "no name, no way"
    log = inside.session.audit_log.read_text()
    assert log.count("token is missing or wrong") == 3, "the self-test's own try, and the two above"


def test_nobody_else_gets_to_the_doors(inside: Inside, strangers: dict[str, AgentContainer], engine: Engine) -> None:
    """A neighbour on the default bridge finds the doors on the host and the sidecar; neither lets it in."""
    _, port = inside.agent.exec(["sh", "-c", "printf %s ${HTTPS_PROXY##*:}"])
    program = (
        "import socket, sys\n"
        "s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 50)\n"
        "s.sendall(b'CONNECT api.anthropic.com:443 HTTP/1.1\\r\\nHost: api.anthropic.com:443\\r\\n\\r\\n')\n"
        "try: print(s.recv(100))\n"
        "except OSError as error: print(error)\n"
    )
    neighbour = strangers["bridge"]
    _, at_host = neighbour.exec(["python3", "-c", program, engine.bridge_gateway(), port.decode()])
    assert b"407" in at_host
    sidecar = engine.container_ip(inside.sidecar.id, "bridge")
    _, at_sidecar = neighbour.exec(["python3", "-c", program, sidecar, port.decode()])
    assert b"HTTP" not in at_sidecar, "the sidecar serves its own network only"
