"""The proof, at every start, that the container has two doors and no other way out, in either network mode.

From inside (``self_test_probe.py``, through exec) the doors must answer; everything else must not, and what "else" is
aimed at are throw-away listeners of our own on this host's addresses. They report as well, so a packet that gets out
is noticed even where its answer gets lost. No address of a third party is ever called.
"""

from __future__ import annotations

import json
import secrets
import selectors
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.network import SessionNetwork
from ironcurtain_tui.containers.sidecar import open_ports
from ironcurtain_tui.errors import UserFacingError

PROBE = Path(__file__).with_name("self_test_probe.py")


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class SelfTestReport:
    """All that was checked; ``passed`` only when every check was made and was good."""

    passed: bool
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, findings: Iterable[Finding]) -> SelfTestReport:
        """The report over ``findings``; none at all is a failure."""
        made = tuple(findings)
        return cls(bool(made) and all(finding.ok for finding in made), made)

    @property
    def failures(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if not finding.ok)


class SelfTest:
    """Checks a started, not yet released container. Blocking, takes well under a second when all is well.

    Anything that keeps a check from being made makes it fail.
    """

    def __init__(self, engine: Engine, container: AgentContainer, network: SessionNetwork | None = None) -> None:
        """``network``: the session's, in TCP mode."""
        self._engine = engine
        self._container = container
        self._network = network
        self.host = f"{secrets.token_hex(8)}.self-test.invalid"
        """What the proxy is asked for. Names below .invalid exist nowhere (RFC 6761), and nobody can guess this one."""

    def run(self) -> SelfTestReport:
        """Both halves."""
        return SelfTestReport.of([*self.sealed().findings, *self.doors().findings])

    def sealed(self) -> SelfTestReport:
        """That there is no other way out: probes from inside while listening outside."""
        nonce = secrets.token_hex(16)
        try:
            with Listeners(host_addresses(self._engine), nonce) as listeners:
                wide = 0 if self._network is None else listeners.listen_everywhere()
                wanted = {"doors": False, "targets": listeners.targets, "nonce": nonce, "tcp": self._tcp(wide)}
                code, output = self._probe(wanted)
            around = [] if self._network is None else [self._members(self._network), _forwarded(self._network)]
        except UserFacingError as error:
            return SelfTestReport.of([Finding("probe", False, error.message)])
        return report(code, output, listeners.heard, around)

    def doors(self) -> SelfTestReport:
        """That the two doors answer from inside; waits up to 20 s for each."""
        try:
            return report(*self._probe({"doors": True, "host": self.host, "tcp": self._tcp()}))
        except UserFacingError as error:
            return SelfTestReport.of([Finding("probe", False, error.message)])

    def _probe(self, wanted: Mapping[str, object]) -> tuple[int, bytes]:
        return self._container.exec(["python3", "-I", "-S", "-c", PROBE.read_text(), json.dumps(wanted)])

    def _tcp(self, wide: int = 0) -> dict[str, object] | None:
        """What the probe must know of the network, in the form it expects."""
        if self._network is None:
            return None
        return {
            "sidecar": self._network.sidecar_address,
            "proxy": self._network.ports.proxy,
            "mcp": self._network.ports.mcp,
            "subnet": str(self._network.subnet),
            "wide": wide,
        }

    def _members(self, network: SessionNetwork) -> Finding:
        """The network is internal, agent and sidecar are alone on it, and the agent is on no other."""
        internal, members = self._engine.network_members(network.id)
        faults = [] if internal else ["the network is not internal"]
        if strangers := members - {self._container.namespace, network.sidecar.id}:
            faults.append(f"{len(strangers)} other containers are on it")
        if others := self._engine.networks_of(self._container.namespace) - {network.name}:
            faults.append("the agent is also on " + ", ".join(sorted(others)))
        return Finding("network", not faults, "; ".join(faults) or "internal; the agent and its sidecar only")


def _forwarded(network: SessionNetwork) -> Finding:
    """On the sidecar, nobody waits but the two forwarders."""
    tables = [f"/proc/net/{name}" for name in ("tcp", "tcp6", "udp", "udp6")]
    _, output = network.sidecar.exec(["sh", "-c", f"cat {' '.join(tables)} 2>/dev/null"])
    ports = open_ports(output.decode("ascii", "replace"))
    wanted = {network.ports.proxy, network.ports.mcp}
    detail = "ports open: " + (", ".join(map(str, sorted(ports))) or "none")
    return Finding("sidecar", ports == wanted, detail)


def report(
    code: int, output: bytes, heard: Iterable[str] | None = None, around: Iterable[Finding] = ()
) -> SelfTestReport:
    """Put together what the probe printed, what was ``heard`` if somebody listened, and what was found ``around``."""
    try:
        findings = msgspec.json.decode(output, type=list[Finding]) if code == 0 else []
    except msgspec.MsgspecError:
        findings = []
    if not findings:
        text = output.decode("utf-8", "replace")[-200:]
        return SelfTestReport.of([Finding("probe", False, f"no result (exit code {code}): {text!r}")])
    if heard is not None:
        packets = sorted(set(heard))
        detail = "arrived: " + ", ".join(packets) if packets else "nothing arrived"
        findings.append(Finding("host-heard", not packets, detail))
    return SelfTestReport.of([*findings, *around])


def host_addresses(engine: Engine) -> list[str]:
    """Addresses of this host to aim at: loopback, the engine's bridges, and where its own traffic would leave from."""
    addresses = ["127.0.0.1", "::1", *engine.gateways()]
    # Documentation addresses (RFC 5737, RFC 3849): connecting a UDP socket only asks the routing table.
    for family, elsewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asker:
                asker.connect((elsewhere, 9))
                addresses.append(asker.getsockname()[0])
        except OSError:
            continue
    return list(dict.fromkeys(addresses))


class Listeners:
    """Throw-away TCP and UDP listeners, one port an address, that remember who comes with the ``nonce``.

    The nonce keeps strangers on the network apart from the container. ``heard`` is complete after the ``with`` block.
    """

    def __init__(self, addresses: Iterable[str], nonce: str) -> None:
        self.targets: list[tuple[str, int]] = []
        """Address and port of each, TCP and UDP alike."""
        self.heard: list[str] = []
        """Every contact, e.g. ``udp 172.17.0.1``."""
        self._addresses = tuple(addresses)
        self._nonce = nonce.encode()
        self._selector = selectors.DefaultSelector()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="self-test-listeners", daemon=True)

    def __enter__(self) -> Listeners:
        for address in self._addresses:
            self._listen(address)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            self._forget(key.fileobj)
        self._selector.close()

    def listen_everywhere(self) -> int:
        """Also hear what is sent to no address in particular; the UDP port for it."""
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        datagram.bind(("0.0.0.0", 0))  # noqa: S104 (what a broadcast would reach)
        self._watch(datagram, partial(self._receive, datagram, "everybody"))
        return int(datagram.getsockname()[1])

    def _listen(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        stream = socket.socket(family, socket.SOCK_STREAM)
        datagram = socket.socket(family, socket.SOCK_DGRAM)
        try:
            stream.bind((address, 0))
            datagram.bind((address, stream.getsockname()[1]))
            stream.listen(8)
        except OSError:  # an address this host does not have (an engine in a virtual machine), or the port is taken
            stream.close()
            datagram.close()
            return
        self.targets.append((address, stream.getsockname()[1]))
        self._watch(stream, partial(self._accept, stream, address))
        self._watch(datagram, partial(self._receive, datagram, address))

    def _serve(self) -> None:
        while True:
            ready = self._selector.select(0.05)
            for key, _ in ready:
                key.data()
            if not ready and self._done.is_set():
                return

    def _accept(self, listener: socket.socket, address: str) -> None:
        connection, _ = listener.accept()
        self._watch(connection, partial(self._read, connection, address))

    def _read(self, connection: socket.socket, address: str) -> None:
        if connection.recv(512).startswith(self._nonce):
            self.heard.append(f"tcp {address}")
        self._forget(connection)

    def _receive(self, listener: socket.socket, address: str) -> None:
        payload, sender = listener.recvfrom(512)
        if payload == self._nonce:
            self.heard.append(f"udp {address}")
            listener.sendto(payload, sender)

    def _watch(self, listener: socket.socket, work: Callable[[], None]) -> None:
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ, work)

    def _forget(self, listener: Any) -> None:
        self._selector.unregister(listener)
        listener.close()
