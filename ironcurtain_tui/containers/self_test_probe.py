"""The half of the self-test that runs inside the container. Standard library only, Python >= 3.9.

Its argument names a JSON file: ``{"sealed": true, "doors": false, "nonce": "...", "targets": [["127.0.0.1", 40001],
...], "patience": 0.5, "host": "...", "tcp": null}``; in TCP mode ``tcp`` is ``{"sidecar": "172.28.0.2", "proxy": 1,
"mcp": 2, "subnet": "172.28.0.0/29", "wide": 3}``, two ports of the sidecar and a UDP port that is open on all addresses
of the host. With ``sealed`` it looks for other ways out than the doors. With ``doors`` it asks at the two doors, which
must answer: the proxy for ``host``, a name that exists nowhere. It prints, between two nonces and in one piece, because
others may write to the same terminal, ``{"sealed": [...], "doors": [...]}``, lists of ``{"name", "ok", "detail"}``.

Nothing is sent to any address but the targets, which are listeners of the supervisor's own, and the session's own
subnet; whether there is a way elsewhere is asked of the routing table only (connecting a UDP socket sends nothing).
The agent waits for it, so it imports little and does everything at once.
"""

# ruff: noqa: PTH110, PTH123, PTH208
# That is, no pathlib: it takes long to import.

from __future__ import annotations

import binascii
import errno
import json
import os
import socket
import struct
import sys
import threading
import time
from functools import partial
from os.path import exists

TYPE_CHECKING = False
if TYPE_CHECKING:  # neither is imported when it runs: typing takes long
    from collections.abc import Callable
    from typing import Any

    Outcome = tuple[bool, str]
    """Whether a check was good, and what was seen."""
    Checks = list[tuple[str, Callable[[], Outcome]]]

DOORS = "/run/ironcurtain"
FORWARDER = ("127.0.0.1", 18080)
NAME_SERVER_PATIENCE = 0.5
"""Seconds for the engine's name server, a program like any other, to answer."""
DOOR_PATIENCE = 20.0
"""Seconds to wait for something that must."""
CONNECT_PATIENCE = 5.0
"""Seconds for a connection to the sidecar to come about."""
EMBEDDED_NAME_SERVER = "127.0.0.11"
"""The engine's own, on every network but the default one."""
DOCUMENTATION_ADDRESSES = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
AF_VSOCK = 40


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": "self-test",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "ironcurtain-self-test", "version": "1"},
    },
}


def lines(path: str) -> list[str]:
    """Of the file at ``path``."""
    with open(path) as file:
        return file.read().splitlines()


def number(address: str) -> int:
    """An IPv4 address as a number."""
    return int(struct.unpack("!I", socket.inet_aton(address))[0])


def dotted(address: int) -> str:
    return socket.inet_ntoa(struct.pack("!I", address))


def network(subnet: str) -> tuple[int, int]:
    """Its first address and its mask."""
    first, _, width = subnet.partition("/")
    return number(first), 0xFFFFFFFF << 32 - int(width) & 0xFFFFFFFF


def first_line(connection: socket.socket, request: bytes) -> str:
    """Send ``request`` and return what comes back up to the first newline."""
    connection.sendall(request)
    answer = b""
    while b"\n" not in answer and len(answer) < 65536:
        chunk = connection.recv(4096)
        if not chunk:
            break
        answer += chunk
    return answer.split(b"\n", 1)[0].decode("utf-8", "replace").strip()


def connect(family: int, address: Any) -> socket.socket:
    connection = socket.socket(family, socket.SOCK_STREAM)
    connection.settimeout(DOOR_PATIENCE if family == socket.AF_UNIX else CONNECT_PATIENCE)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    connection.settimeout(DOOR_PATIENCE)
    return connection


def connect_soon(address: Any) -> socket.socket:
    """A forwarder may still be starting."""
    deadline = time.monotonic() + DOOR_PATIENCE
    while True:
        try:
            return connect(socket.AF_INET, address)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def ask_proxy(connection: socket.socket, host: str, token: str = "") -> str:
    """The status line that answers a CONNECT."""
    proof = binascii.b2a_base64(f"ironcurtain:{token}".encode(), newline=False).decode()
    shown = f"Proxy-Authorization: Basic {proof}\r\n" if token else ""
    request = f"CONNECT {host}:443 HTTP/1.1\r\nHost: {host}:443\r\n{shown}\r\n"
    return first_line(connection, request.encode())


def proxy_answers(line: str) -> Outcome:
    return line.startswith("HTTP/1.") and " 407" not in line, line[:100] or "closed without an answer"


def proxy_socket(host: str) -> Outcome:
    with connect(socket.AF_UNIX, DOORS + "/proxy.sock") as connection:
        return proxy_answers(ask_proxy(connection, host))


def forwarder(host: str) -> Outcome:
    with connect_soon(FORWARDER) as connection:
        return proxy_answers(ask_proxy(connection, host))


def gateway_answers(connection: socket.socket, greeting: bytes = b"") -> Outcome:
    line = first_line(connection, greeting + json.dumps(INITIALIZE).encode() + b"\n")
    answer = json.loads(line or "null")
    ok = isinstance(answer, dict) and answer.get("jsonrpc") == "2.0" and answer.get("id") == INITIALIZE["id"]
    return ok, "answers initialize" if ok else "no answer to initialize"


def mcp_socket() -> Outcome:
    with connect(socket.AF_UNIX, DOORS + "/mcp.sock") as connection:
        return gateway_answers(connection)


def token() -> str:
    return lines(DOORS + "/token")[0].strip()


def sidecar_proxy(address: Any, host: str) -> Outcome:
    with connect_soon(address) as connection:
        return proxy_answers(ask_proxy(connection, host, token()))


def sidecar_mcp(address: Any) -> Outcome:
    with connect_soon(address) as connection:
        return gateway_answers(connection, token().encode() + b"\n")


def locked(proxy: Any, mcp: Any, host: str) -> Outcome:
    """Without the token both doors stay shut."""
    with connect_soon(proxy) as connection:
        line = ask_proxy(connection, host)
    open_doors = [] if " 407" in line else [f"the proxy answers {line[:60]!r}"]
    with connect_soon(mcp) as connection:
        try:
            ok, _ = gateway_answers(connection)
        except OSError:
            ok = False
    open_doors += ["the gateway answers"] if ok else []
    return not open_doors, "; ".join(open_doors) or "neither door opens without the token"


def interfaces(most: int = 0) -> Outcome:
    """Beside loopback, at most ``most`` may be up (kernels list idle tunnel devices in every namespace)."""
    devices = "/sys/class/net"
    flags = {name: f"{devices}/{name}/flags" for name in os.listdir(devices)}
    up = {name for name, path in flags.items() if exists(path) and int(lines(path)[0], 16) & 1}
    return len(up - {"lo"}) <= most, "up: " + (", ".join(sorted(up)) or "none")


def routes() -> Outcome:
    """No route in any table that leads over another device than ``lo``."""
    outward = sorted({line.split()[0] for line in lines("/proc/net/route")[1:]} | devices6())
    return not outward, "over " + ", ".join(outward) if outward else "none but lo"


def devices6() -> set[str]:
    """The devices that IPv6 routes lead over, without ``lo``."""
    table = "/proc/net/ipv6_route"
    return {line.split()[-1] for line in lines(table)} - {"lo"} if exists(table) else set()


def routes_on_link(subnet: str) -> Outcome:
    """IPv4 leads over one device, to ``subnet`` or by way of an address in it; IPv6 over ``lo`` only."""
    first, mask = network(subnet)
    faults = []
    for line in lines("/proc/net/route")[1:]:
        device, destination, gateway, _, _, _, _, width = line.split()[:8]
        to, via, wide = (struct.unpack("<I", bytes.fromhex(each))[0] for each in (destination, gateway, width))
        direct = (to, wide, via) == (first, mask, 0)
        if not direct and via & mask != first:
            faults.append(f"{dotted(to)}/{dotted(wide)} over {device}")
    faults += sorted(devices6())
    return not faults, "; ".join(faults) or f"none but {subnet}"


def neighbours(subnet: str, sidecar: str, patience: float) -> Outcome:
    """Whoever is to be talked to must answer on the link first (ARP): nobody there may, except the sidecar.

    It is left alone here: it may still be about to come, and a second would pass until it is asked again.
    """
    first, mask = network(subnet)
    tries = []
    for address in {*range(first + 1, first | ~mask & 0xFFFFFFFF)} - {number(sidecar)}:
        caller = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        caller.setblocking(False)
        caller.connect_ex((dotted(address), 9))
        tries.append(caller)
    time.sleep(patience)
    for caller in tries:
        caller.close()
    entries = [line.split() for line in lines("/proc/net/arp")[1:]]
    there = sorted({entry[0] for entry in entries if int(entry[2], 16) & 2} - {sidecar})
    return not there, "also there: " + ", ".join(there) if there else f"none but the sidecar {sidecar}"


def routable(family: int, address: str) -> bool:
    """Whether the kernel knows a way to ``address``; asks the routing table, sends nothing."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as asker:
            asker.connect((address, 53))
    except OSError as error:
        if error.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
            return False
        raise
    return True


def outward() -> Outcome:
    ways = [address for family, address in DOCUMENTATION_ADDRESSES.items() if routable(family, address)]
    return not ways, "there is a way to " + ", ".join(ways) if ways else "unreachable, IPv4 and IPv6"


def name_servers() -> list[str]:
    words = [line.split() for line in lines("/etc/resolv.conf")]
    return [each[1] for each in words if len(each) > 1 and each[0] == "nameserver"]


def dns() -> Outcome:
    """No name server of resolv.conf can be reached; one on loopback is asked, as that is inside."""
    alive = []
    for server in name_servers():
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        if routable(family, server.split("%")[0]):
            if server.startswith("127.") and not answers_udp(server, 53, b"\0" * 12, NAME_SERVER_PATIENCE):
                continue
            alive.append(server)
    return not alive, "reachable: " + ", ".join(alive) if alive else "no name server can be reached"


def name_server() -> Outcome:
    """The engine's name server may know the session's own containers; it must not ask anybody else for us.

    Names below .invalid exist nowhere (RFC 6761), so whoever says so has asked somebody, or is somebody. All it is told
    to ask is 127.0.0.1 in here, where we refuse (RFC 1035): it then asks whom else it may know, and answers. Where it
    does not come to us, silence has to do.
    """
    strangers = set(name_servers()) - {EMBEDDED_NAME_SERVER, "127.0.0.1"}
    if strangers:
        return False, "resolv.conf names " + ", ".join(sorted(strangers))
    question = b"\x09self-test\x07invalid\x00" + struct.pack(">HH", 1, 1)
    message = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + question
    try:
        listener = socket.create_server(("127.0.0.1", 53))
        threading.Thread(target=refuse_names, args=(listener,), daemon=True).start()
    except OSError:
        pass  # engines older than 20.10 do not let us
    try:
        with socket.create_connection((EMBEDDED_NAME_SERVER, 53), NAME_SERVER_PATIENCE) as connection:
            connection.sendall(struct.pack(">H", len(message)) + message)
            answer = connection.recv(512)
    except OSError as error:
        return True, f"no answer ({error})"
    code = answer[5] & 0xF if len(answer) > 5 else 2
    return code not in {0, 3}, f"answers with code {code}"


def refuse_names(listener: socket.socket) -> None:
    """Answer every question with code 5, REFUSED."""
    while True:
        with listener.accept()[0] as asker:
            question = asker.recv(512)
            if len(question) > 5:
                asker.sendall(question[:4] + bytes([question[4] | 0x80, 5]) + question[6:])


def broadcast(port: int, nonce: bytes) -> Outcome:
    """Datagrams to everybody on the link: the host must not hear them, wherever it listens."""
    sent = []
    for address in ("255.255.255.255", "224.0.0.1"):
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
                sender.sendto(nonce, (address, port))
                sent.append(address)
        except OSError:
            continue
    return not sent, "sent to " + ", ".join(sent) if sent else "no datagram can be sent"


def answers_udp(address: str, port: int, payload: bytes, patience: float) -> bool:
    """Whether something takes or answers a datagram; silence within the patience counts as no."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(patience)
            sender.connect((address, port))
            sender.send(payload)
            return bool(sender.recv(4096))
    except OSError:
        return False


def answers_tcp(address: str, port: int, payload: bytes, patience: float) -> bool:
    """Whether a connection is taken; ``payload`` is sent over it."""
    try:
        with socket.create_connection((address, port), patience) as connection:
            connection.sendall(payload)
            return True
    except OSError:
        return False


def unreachable(
    answers: Callable[[str, int, bytes, float], bool], targets: list[tuple[str, int]], nonce: bytes, patience: float
) -> Outcome:
    if not targets:
        return False, "there was nothing to aim at"
    answered = together([partial(answers, *target, nonce, patience) for target in targets])
    reached = [f"{address}:{port}" for (address, port), yes in zip(targets, answered) if yes]  # noqa: B905 (3.9)
    return not reached, "reached " + ", ".join(reached) if reached else f"{len(targets)} addresses, none reached"


def vsock() -> Outcome:
    """A virtual machine's socket to its host passes by network namespaces, so there must be none."""
    try:
        socket.socket(AF_VSOCK, socket.SOCK_STREAM).close()
    except OSError as error:
        return True, error.strerror or "refused"
    return False, "the kernel opens AF_VSOCK sockets in here"


def privileges() -> Outcome:
    fields = dict(line.split(":", 1) for line in lines("/proc/self/status") if ":" in line)
    held = [name for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb") if int(fields[name], 16)]
    faults = ["has " + name for name in held]
    if fields["NoNewPrivs"].strip() != "1":
        faults.append("may gain new privileges")
    if fields["Seccomp"].strip() != "2":
        faults.append("may make every system call")
    if not os.statvfs("/").f_flag & os.ST_RDONLY:
        faults.append("its root file system is writable")
    if not os.statvfs(DOORS).f_flag & os.ST_RDONLY:
        faults.append("its sockets directory is writable")
    return not faults, "; ".join(faults) or "none, system calls filtered, root file system read-only"


def at_the_doors(wanted: dict[str, Any]) -> Checks:
    """What must answer."""
    host = str(wanted["host"])
    if tcp := wanted["tcp"]:
        proxy, mcp = ((str(tcp["sidecar"]), int(tcp[door])) for door in ("proxy", "mcp"))
        return [
            ("door-proxy", lambda: sidecar_proxy(proxy, host)),
            ("door-mcp", lambda: sidecar_mcp(mcp)),
            ("doors-locked", lambda: locked(proxy, mcp, host)),
        ]
    return [
        ("door-proxy", lambda: proxy_socket(host)),
        ("door-forwarder", lambda: forwarder(host)),
        ("door-mcp", mcp_socket),
    ]


def elsewhere(wanted: dict[str, Any]) -> Checks:
    """What must not."""
    targets = [(str(address), int(port)) for address, port in wanted["targets"]]
    nonce, patience = str(wanted["nonce"]).encode(), float(wanted["patience"])
    if tcp := wanted["tcp"]:
        sidecar, subnet = str(tcp["sidecar"]), str(tcp["subnet"])
        checks: Checks = [
            ("interfaces", lambda: interfaces(1)),
            ("routes", lambda: routes_on_link(subnet)),
            ("neighbours", lambda: neighbours(subnet, sidecar, patience)),
            ("dns", name_server),
            ("host-broadcast", lambda: broadcast(int(tcp["wide"]), nonce)),
        ]
    else:
        checks = [("interfaces", interfaces), ("routes", routes), ("outward", outward), ("dns", dns)]
    return [
        *checks,
        ("host-tcp", lambda: unreachable(answers_tcp, targets, nonce, patience)),
        ("host-udp", lambda: unreachable(answers_udp, targets, nonce, patience)),
        ("vsock", vsock),
        ("privileges", privileges),
    ]


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """What ``calls`` return when all are made at once; raises what the first of them to fail raised."""
    returned = [None] * len(calls)
    failures: list[BaseException] = []

    def work(place: int) -> None:
        try:
            returned[place] = calls[place]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return returned


def made(check: Callable[[], Outcome]) -> Outcome:
    """The outcome of ``check``; one that cannot be made is one that failed."""
    try:
        return check()
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


def main() -> None:
    with open(sys.argv[1]) as file:
        wanted = json.load(file)
    sealed = elsewhere(wanted) if wanted["sealed"] else []
    checks = [*sealed, *(at_the_doors(wanted) if wanted["doors"] else [])]
    outcomes = together([partial(made, check) for _, check in checks])
    findings = [
        {"name": name, "ok": ok, "detail": detail}
        for (name, _), (ok, detail) in zip(checks, outcomes)  # noqa: B905 (Python 3.9)
    ]
    result = {"sealed": findings[: len(sealed)], "doors": findings[len(sealed) :]}
    text = (wanted["nonce"] + json.dumps(result) + wanted["nonce"]).encode()
    while text:
        text = text[os.write(1, text) :]


if __name__ == "__main__":
    main()
