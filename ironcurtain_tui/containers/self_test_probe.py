"""The half of the self-test that runs inside the container. Standard library only, Python >= 3.9.

Its text is handed to ``python3 -c`` there, with a JSON object as argument: ``{"targets": [["127.0.0.1", 40001], ...],
"nonce": "...", "doors": false, "tcp": null}``; in TCP mode ``tcp`` is ``{"sidecar": "172.28.0.2", "proxy": 1, "mcp": 2,
"subnet": "172.28.0.0/29", "wide": 3}``, two ports of the sidecar and a UDP port that is open on all addresses of the
host. With ``doors`` it asks at the two doors, which must answer: the proxy for ``host``, a name that exists nowhere.
Without, it looks for other ways out. It prints a JSON list of ``{"name", "ok", "detail"}``. Nothing is sent to any
address but the targets, which are listeners of the supervisor's own, and the session's own subnet; whether there is a
way elsewhere is asked of the routing table only (connecting a UDP socket sends nothing).
"""

from __future__ import annotations

import base64
import errno
import ipaddress
import json
import os
import socket
import struct
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

DOORS = "/run/ironcurtain"
FORWARDER = ("127.0.0.1", 18080)
PATIENCE = 0.5
"""Seconds to wait for something that must not answer, on this very machine."""
DOOR_PATIENCE = 20.0
"""Seconds to wait for something that must."""
CONNECT_PATIENCE = 5.0
"""Seconds for a connection to the sidecar to come about."""
EMBEDDED_NAME_SERVER = "127.0.0.11"
"""The engine's own, on every network but the default one."""
DOCUMENTATION_ADDRESSES = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
AF_VSOCK = 40

Outcome = tuple[bool, str]
"""Whether a check was good, and what was seen."""

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
            time.sleep(0.05)


def ask_proxy(connection: socket.socket, host: str, token: str = "") -> str:
    """The status line that answers a CONNECT."""
    proof = base64.b64encode(f"ironcurtain:{token}".encode()).decode()
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
    return Path(DOORS, "token").read_text().strip()


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
    up = [
        entry.name
        for entry in Path("/sys/class/net").iterdir()
        if (entry / "flags").exists() and int((entry / "flags").read_text(), 16) & 1
    ]
    return len(set(up) - {"lo"}) <= most, "up: " + (", ".join(sorted(up)) or "none")


def routes() -> Outcome:
    """No route in any table that leads over another device than ``lo``."""
    found = [line.split()[0] for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    table6 = Path("/proc/net/ipv6_route")
    if table6.exists():
        found += [line.split()[-1] for line in table6.read_text().splitlines()]
    outward = sorted(set(found) - {"lo"})
    return not outward, "over " + ", ".join(outward) if outward else "none but lo"


def routes_on_link(subnet: str) -> Outcome:
    """IPv4 leads over one device, to ``subnet`` or by way of an address in it; IPv6 over ``lo`` only."""
    link, faults = ipaddress.ip_network(subnet), []
    for line in Path("/proc/net/route").read_text().splitlines()[1:]:
        device, destination, gateway, _, _, _, _, mask = line.split()[:8]
        to, via, width = (ipaddress.IPv4Address(bytes.fromhex(each)[::-1]) for each in (destination, gateway, mask))
        direct = ipaddress.ip_network(f"{to}/{width}") == link and int(via) == 0
        if not direct and via not in link:
            faults.append(f"{to}/{width} over {device}")
    table6 = Path("/proc/net/ipv6_route")
    if table6.exists():
        faults += sorted({line.split()[-1] for line in table6.read_text().splitlines()} - {"lo"})
    return not faults, "; ".join(faults) or f"none but {subnet}"


def neighbours(subnet: str, sidecar: str) -> Outcome:
    """Whoever is to be talked to must answer on the link first (ARP): nobody there may, except the sidecar."""
    tries = []
    for address in ipaddress.ip_network(subnet).hosts():
        caller = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        caller.setblocking(False)
        caller.connect_ex((str(address), 9))
        tries.append(caller)
    time.sleep(PATIENCE)
    for caller in tries:
        caller.close()
    entries = [line.split() for line in Path("/proc/net/arp").read_text().splitlines()[1:]]
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


def dns() -> Outcome:
    """No name server of resolv.conf can be reached; one on loopback is asked, as that is inside."""
    lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
    servers = [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]
    alive = []
    for server in servers:
        family = socket.AF_INET6 if ":" in server else socket.AF_INET
        if routable(family, server.split("%")[0]):
            if server.startswith("127.") and not answers_udp(server, 53, b"\0" * 12):
                continue
            alive.append(server)
    return not alive, "reachable: " + ", ".join(alive) if alive else "no name server can be reached"


def name_server() -> Outcome:
    """The engine's name server may know the session's own containers; it must not ask anybody else for us.

    Names below .invalid exist nowhere (RFC 6761), so whoever says so has asked somebody, or is somebody.
    """
    lines = [line.split() for line in Path("/etc/resolv.conf").read_text().splitlines()]
    servers = {words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"}
    strangers = servers - {EMBEDDED_NAME_SERVER, "127.0.0.1"}
    if strangers:
        return False, "resolv.conf names " + ", ".join(sorted(strangers))
    question = b"\x09self-test\x07invalid\x00" + struct.pack(">HH", 1, 1)
    message = struct.pack(">HHHHHH", 1, 0x0100, 1, 0, 0, 0) + question
    try:
        with socket.create_connection((EMBEDDED_NAME_SERVER, 53), PATIENCE) as connection:
            connection.sendall(struct.pack(">H", len(message)) + message)
            answer = connection.recv(512)
    except OSError as error:
        return True, f"no answer ({error})"
    code = answer[5] & 0xF if len(answer) > 5 else 2
    return code not in {0, 3}, f"answers with code {code}"


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


def answers_udp(address: str, port: int, payload: bytes) -> bool:
    """Whether something takes or answers a datagram; silence within the patience counts as no."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE)
            sender.connect((address, port))
            sender.send(payload)
            return bool(sender.recv(4096))
    except OSError:
        return False


def answers_tcp(address: str, port: int, payload: bytes) -> bool:
    """Whether a connection is taken; ``payload`` is sent over it."""
    try:
        with socket.create_connection((address, port), PATIENCE) as connection:
            connection.sendall(payload)
            return True
    except OSError:
        return False


def unreachable(answers: Callable[[str, int, bytes], bool], targets: list[tuple[str, int]], nonce: bytes) -> Outcome:
    if not targets:
        return False, "there was nothing to aim at"
    with ThreadPoolExecutor(len(targets)) as pool:
        answered = pool.map(lambda target: answers(target[0], target[1], nonce), targets)
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
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
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


def at_the_doors(wanted: dict[str, Any]) -> list[tuple[str, Callable[[], Outcome]]]:
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


def elsewhere(wanted: dict[str, Any]) -> list[tuple[str, Callable[[], Outcome]]]:
    """What must not."""
    targets = [(str(address), int(port)) for address, port in wanted["targets"]]
    nonce = str(wanted["nonce"]).encode()
    checks: list[tuple[str, Callable[[], Outcome]]]
    if tcp := wanted["tcp"]:
        sidecar, subnet = str(tcp["sidecar"]), str(tcp["subnet"])
        checks = [
            ("interfaces", lambda: interfaces(1)),
            ("routes", lambda: routes_on_link(subnet)),
            ("neighbours", lambda: neighbours(subnet, sidecar)),
            ("dns", name_server),
            ("host-broadcast", lambda: broadcast(int(tcp["wide"]), nonce)),
        ]
    else:
        checks = [("interfaces", interfaces), ("routes", routes), ("outward", outward), ("dns", dns)]
    return [
        *checks,
        ("host-tcp", lambda: unreachable(answers_tcp, targets, nonce)),
        ("host-udp", lambda: unreachable(answers_udp, targets, nonce)),
        ("vsock", vsock),
        ("privileges", privileges),
    ]


def main() -> None:
    wanted = json.loads(sys.argv[1])
    checks = at_the_doors(wanted) if wanted["doors"] else elsewhere(wanted)
    with ThreadPoolExecutor(len(checks)) as pool:
        outcomes = list(pool.map(lambda check: made(check[1]), checks))
    findings = [
        {"name": name, "ok": ok, "detail": detail}
        for (name, _), (ok, detail) in zip(checks, outcomes)  # noqa: B905 (Python 3.9)
    ]
    sys.stdout.write(json.dumps(findings))


def made(check: Callable[[], Outcome]) -> Outcome:
    """The outcome of ``check``; one that cannot be made is one that failed."""
    try:
        return check()
    except Exception as error:
        return False, f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    main()
