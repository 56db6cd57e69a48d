"""The half of the self-test that runs inside the container. Standard library only, Python >= 3.9.

Its text is handed to ``python3 -c`` there, with a JSON object as argument: ``{"targets": [["127.0.0.1", 40001], ...],
"nonce": "..."}``. It prints a JSON list of ``{"name", "ok", "detail"}``. Nothing is sent to any address but the
targets, which are listeners of the supervisor's own; whether there is a way elsewhere is asked of the routing table
only (connecting a UDP socket sends nothing).
"""

from __future__ import annotations

import errno
import json
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOORS = "/run/ironcurtain"
FORWARDER = ("127.0.0.1", 18080)
PATIENCE = 1.0
"""Seconds to wait for something that must not answer."""
DOOR_PATIENCE = 10.0
"""Seconds to wait for something that must."""
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
    connection.settimeout(DOOR_PATIENCE)
    try:
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def proxy_door(family: int, address: Any) -> Outcome:
    with connect(family, address) as connection:
        line = first_line(connection, b"CONNECT self-test.invalid:443 HTTP/1.1\r\nHost: self-test.invalid:443\r\n\r\n")
    return line.startswith("HTTP/1."), line[:100] or "closed without an answer"


def proxy_socket() -> Outcome:
    return proxy_door(socket.AF_UNIX, DOORS + "/proxy.sock")


def forwarder() -> Outcome:
    """The forwarder may still be starting."""
    deadline = time.monotonic() + DOOR_PATIENCE
    while True:
        try:
            return proxy_door(socket.AF_INET, FORWARDER)
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def mcp_socket() -> Outcome:
    with connect(socket.AF_UNIX, DOORS + "/mcp.sock") as connection:
        line = first_line(connection, json.dumps(INITIALIZE).encode() + b"\n")
    answer = json.loads(line or "null")
    ok = isinstance(answer, dict) and answer.get("jsonrpc") == "2.0" and answer.get("id") == INITIALIZE["id"]
    return ok, "answers initialize" if ok else "no answer to initialize"


def interfaces() -> Outcome:
    """Only the loopback interface may be up (kernels list idle tunnel devices in every namespace)."""
    up = [
        entry.name
        for entry in Path("/sys/class/net").iterdir()
        if (entry / "flags").exists() and int((entry / "flags").read_text(), 16) & 1
    ]
    return set(up) <= {"lo"}, "up: " + (", ".join(sorted(up)) or "none")


def routes() -> Outcome:
    """No route in any table that leads over another device than ``lo``."""
    found = [line.split()[0] for line in Path("/proc/net/route").read_text().splitlines()[1:]]
    table6 = Path("/proc/net/ipv6_route")
    if table6.exists():
        found += [line.split()[-1] for line in table6.read_text().splitlines()]
    outward = sorted(set(found) - {"lo"})
    return not outward, "over " + ", ".join(outward) if outward else "none but lo"


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


def answers_udp(address: str, port: int, payload: bytes) -> bool:
    """Whether something takes or answers a datagram; silence within the patience counts as no."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(PATIENCE)
        try:
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
    reached = [f"{address}:{port}" for address, port in targets if answers(address, port, nonce)]
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


def main() -> None:
    wanted = json.loads(sys.argv[1])
    targets = [(str(address), int(port)) for address, port in wanted["targets"]]
    nonce = str(wanted["nonce"]).encode()
    checks: list[tuple[str, Callable[[], Outcome]]] = [
        ("door-proxy", proxy_socket),
        ("door-forwarder", forwarder),
        ("door-mcp", mcp_socket),
        ("interfaces", interfaces),
        ("routes", routes),
        ("outward", outward),
        ("dns", dns),
        ("host-tcp", lambda: unreachable(answers_tcp, targets, nonce)),
        ("host-udp", lambda: unreachable(answers_udp, targets, nonce)),
        ("vsock", vsock),
        ("privileges", privileges),
    ]
    findings: list[dict[str, object]] = []
    for name, check in checks:
        try:
            ok, detail = check()
        except Exception as error:  # a check that cannot be made is a check that failed
            ok, detail = False, f"{type(error).__name__}: {error}"
        findings.append({"name": name, "ok": ok, "detail": detail})
    sys.stdout.write(json.dumps(findings))


if __name__ == "__main__":
    main()
