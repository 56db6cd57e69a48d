"""The proof, at every start, that the container has two doors and no other way out, in either network mode.

From inside (``self_test_probe.py``) the doors must answer; everything else must not, and what "else" is aimed at are
throw-away listeners of our own on this host's addresses. They report as well, so a packet that gets out is noticed
even where its answer gets lost. No address of a third party is ever called.

The probe runs beside the entry point from the container's first moment (``spec.TESTED_ENTRYPOINT``) and prints what it
found on the container's terminal, which is the supervisor's until the agent is released.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
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
from ironcurtain_tui.containers.spec import AFTERWARDS, AT_START, DOORS, PROBE_COMMAND, PROBE_NAME, SELF_TEST
from ironcurtain_tui.errors import UserFacingError

PROBE = Path(__file__).with_name("self_test_probe.py")
PATIENCE = 0.5
"""Seconds to wait for what must not answer, where a program may have to: the network of a virtual machine."""
OWN_KERNEL_PATIENCE = 0.05
"""The same, where our own kernel would answer: it takes at most 1.4 ms, even while eight programs want two CPUs."""
RESULT_SECONDS = 60.0
"""How long the probe may take: it waits for doors, too."""
LARGEST_RESULT = 1 << 20
NO_NETWORK = "none"
"""What the engine calls the network of a container without one."""
SAID = 300
"""Characters of what else the container printed that are worth telling."""


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


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the probe prints."""

    sealed: list[Finding]
    doors: list[Finding]


class NoResultError(UserFacingError):
    """The probe's result did not come."""


class SelfTest:
    """Checks a container that is not yet released. Blocking, takes well under a second when all is well.

    In order: ``begin``, the container's start, ``sealed``, ``doors``; ``end`` if it does not come that far. Anything
    that keeps a check from being made makes it fail.
    """

    def __init__(
        self,
        engine: Engine,
        sockets: Path,
        network: SessionNetwork | None = None,
        forwarders: Finding | None = None,
    ) -> None:
        """``sockets``: the directory that the container sees; ``network``: the session's, in TCP mode.

        ``forwarders``: what ``forwarders`` found when the sidecar was started, if that has been for a while.
        """
        self._engine = engine
        self._files = sockets / SELF_TEST
        self._network = network
        self._forwarders = forwarders
        self._nonce = secrets.token_hex(16)
        self._listeners: Listeners | None = None
        self._answered: SelfTestReport | None = None
        self._lock = threading.Lock()
        self._open = ExitStack()
        self.host = f"{secrets.token_hex(8)}.self-test.invalid"
        """What the proxy is asked for. Names below .invalid exist nowhere (RFC 6761), and nobody can guess this one."""
        self.said = b""
        """What the container printed while it was tested, apart from the result: nothing, unless it is in trouble."""

    def run(self, container: AgentContainer) -> SelfTestReport:
        """Start ``container``, which has only been created, and test both halves at once."""
        with container.attach() as terminal:
            try:
                self.begin(doors=True)
                container.start()
                return SelfTestReport.of([*self.sealed(container, terminal).findings, *self.doors(container).findings])
            except UserFacingError as error:
                return SelfTestReport.of([Finding("probe", False, error.message)])
            finally:
                self.end()

    def begin(self, *, doors: bool) -> None:
        """Open the listeners and lay out the probe, which tries the ``doors`` as well if they are open, or nearly.

        Raises UserFacingError.
        """
        with self._lock:
            listeners = Listeners(host_addresses(self._engine), self._nonce)
            self._listeners = self._open.enter_context(listeners)
            wide = 0 if self._network is None else listeners.listen_everywhere()
            self._lay_out(AT_START, sealed=True, doors=doors, wide=wide)

    def sealed(
        self, container: AgentContainer, terminal: socket.socket, timeout: float = RESULT_SECONDS
    ) -> SelfTestReport:
        """That there is no other way out: what the probe found that started with ``container``.

        ``terminal`` has been attached since before the start; for what else came over it see ``said``. Waits up to
        ``timeout`` seconds.
        """
        if self._listeners is None:
            raise AssertionError("begin comes first")
        try:
            with ThreadPoolExecutor(1) as beside:
                around = beside.submit(self._around, container)
                result = self._result(terminal, timeout)
            self._answered = SelfTestReport.of(result.doors) if result.doors else None
            return _report(result.sealed, _silence(self._listeners.stop()), *around.result())
        except UserFacingError as error:
            return SelfTestReport.of([Finding("probe", False, error.message)])
        finally:
            self._open.close()

    def doors(self, container: AgentContainer) -> SelfTestReport:
        """That the two doors answer from inside, each within 20 s; tried now unless they were at the start."""
        try:
            if self._answered is not None:
                return self._answered
            self._lay_out(AFTERWARDS, sealed=False, doors=True)
            _, output = container.exec((*PROBE_COMMAND, f"{DOORS}/{SELF_TEST}/{AFTERWARDS}"))
            found = framed(output, self._nonce)
            if found is None:
                raise NoResultError(f"no result: {output.decode('utf-8', 'replace')[-SAID:]!r}")
            return _report(decoded(found.result).doors)
        except UserFacingError as error:
            return SelfTestReport.of([Finding("probe", False, error.message)])
        finally:
            self.end()

    def end(self) -> None:
        """Close the listeners and remove what was laid out. Idempotent."""
        with self._lock:
            self._open.close()
            shutil.rmtree(self._files, ignore_errors=True)

    def _lay_out(self, name: str, *, sealed: bool, doors: bool, wide: int = 0) -> None:
        """The container's user, who may not be ours, reads it: hence the modes.

        Nothing is written twice: an engine in a virtual machine may not see that at once.
        """
        network = self._network
        tcp = network and {
            "sidecar": network.sidecar_address,
            "proxy": network.ports.proxy,
            "mcp": network.ports.mcp,
            "subnet": str(network.subnet),
            "wide": wide,
        }
        ours = network is not None and self._engine.info().kernel == os.uname().release
        wanted = {
            "sealed": sealed,
            "doors": doors,
            "nonce": self._nonce,
            "targets": self._listeners.targets if self._listeners is not None else [],
            "patience": OWN_KERNEL_PATIENCE if ours else PATIENCE,
            "host": self.host,
            "tcp": tcp,
        }
        try:
            self._files.mkdir(exist_ok=True)
            self._files.chmod(0o755)
            for path, text in ((self._files / PROBE_NAME, PROBE.read_text()), (self._files / name, json.dumps(wanted))):
                if not path.exists():
                    path.write_text(text)
                    path.chmod(0o644)
        except OSError as error:
            raise UserFacingError(f"The self-test cannot be prepared: {error}.") from error

    def _result(self, terminal: socket.socket, timeout: float) -> Result:
        """Read ``terminal`` up to the probe's result, and not further. NoResultError when none comes."""
        deadline, received = time.monotonic() + timeout, bytearray()
        while (found := framed(received, self._nonce)) is None:
            if len(received) > LARGEST_RESULT:
                raise NoResultError(_told(f"no result, but more than {LARGEST_RESULT} bytes", received))
            terminal.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                chunk = terminal.recv(65536)
            except TimeoutError:
                raise NoResultError(_told(f"no result within {timeout:g} s", received)) from None
            except OSError as error:
                raise NoResultError(_told(f"no result, the terminal broke: {error}", received)) from error
            if not chunk:
                raise NoResultError(_told("no result, the container ended", received))
            received += chunk
        self.said = found.around
        try:
            return decoded(found.result)
        except NoResultError as error:
            raise NoResultError(_told(error.message, self.said)) from None

    def _around(self, container: AgentContainer) -> list[Finding]:
        """What the engine says, which no image has a hand in: the networks; in TCP mode who else is there."""
        if self._network is None:
            networks = self._engine.networks_of(container.namespace)
            return [Finding("network", networks == {NO_NETWORK}, ", ".join(sorted(networks)) or "not known")]
        return [self._members(self._network, container), self._forwarders or forwarders(self._network)]

    def _members(self, network: SessionNetwork, container: AgentContainer) -> Finding:
        """The network is internal, agent and sidecar are alone on it, and the agent is on no other."""
        internal, members = self._engine.network_members(network.id)
        faults = [] if internal else ["the network is not internal"]
        if strangers := members - {container.namespace, network.sidecar.id}:
            faults.append(f"{len(strangers)} other containers are on it")
        if others := self._engine.networks_of(container.namespace) - {network.name}:
            faults.append("the agent is also on " + ", ".join(sorted(others)))
        return Finding("network", not faults, "; ".join(faults) or "internal; the agent and its sidecar only")


def forwarders(network: SessionNetwork) -> Finding:
    """On the sidecar, nobody waits but the two forwarders."""
    tables = [f"/proc/net/{name}" for name in ("tcp", "tcp6", "udp", "udp6")]
    _, output = network.sidecar.exec(["sh", "-c", f"cat {' '.join(tables)} 2>/dev/null"])
    ports = open_ports(output.decode("ascii", "replace"))
    wanted = {network.ports.proxy, network.ports.mcp}
    detail = "ports open: " + (", ".join(map(str, sorted(ports))) or "none")
    return Finding("sidecar", ports == wanted, detail)


def _report(probed: list[Finding], *others: Finding) -> SelfTestReport:
    """What the probe found, and the ``others``; NoResultError when the probe has checked nothing."""
    if not probed:
        raise NoResultError("no result, nothing was checked")
    return SelfTestReport.of([*probed, *others])


def _silence(heard: Iterable[str]) -> Finding:
    """Nothing may have been ``heard`` on the host."""
    packets = sorted(set(heard))
    return Finding("host-heard", not packets, "arrived: " + ", ".join(packets) if packets else "nothing arrived")


def _told(why: str, said: bytes | bytearray) -> str:
    text = said.decode("utf-8", "replace").strip()[-SAID:]
    return f"{why}; it said {text!r}" if text else why


@dataclass(frozen=True)
class Framed:
    """Output that has the probe's result in it."""

    result: bytes
    around: bytes
    """What others wrote before and after it."""


def framed(output: bytes | bytearray, nonce: str) -> Framed | None:
    """What stands between the first two ``nonce`` in ``output``; None as long as there are not two."""
    before, first, rest = bytes(output).partition(nonce.encode())
    result, second, after = rest.partition(nonce.encode())
    return Framed(result, before + after) if first and second else None


def decoded(result: bytes) -> Result:
    """The ``result`` the probe printed; NoResultError when it is none."""
    try:
        return msgspec.json.decode(result, type=Result)
    except msgspec.MsgspecError:
        raise NoResultError(f"no result but {result.decode('utf-8', 'replace')[-SAID:]!r}") from None


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

    The nonce keeps strangers on the network apart from the container. ``heard`` is complete after ``stop``, or the
    ``with`` block: the probe waits for whatever it could send, so all that is to come has come by then.
    """

    def __init__(self, addresses: Iterable[str], nonce: str) -> None:
        self.targets: list[tuple[str, int]] = []
        """Address and port of each, TCP and UDP alike."""
        self.heard: list[str] = []
        """Every contact, e.g. ``udp 172.17.0.1``."""
        self._addresses = tuple(addresses)
        self._nonce = nonce.encode()
        self._selector = selectors.DefaultSelector()
        self._waker, self._wake = socket.socketpair()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="self-test-listeners", daemon=True)

    def __enter__(self) -> Listeners:
        self._watch(self._waker, self._woken)
        for address in self._addresses:
            self._listen(address)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._wake.close()
        for key in list(self._selector.get_map().values()):
            self._forget(key.fileobj)
        self._selector.close()

    def stop(self) -> list[str]:
        """Take in what has arrived, and hear no more; what was ``heard``."""
        self._stopping.set()
        self._wake.send(b"!")
        self._thread.join()
        return self.heard

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
            stopping = self._stopping.is_set()
            ready = self._selector.select(0 if stopping else None)
            for key, _ in ready:
                key.data()
            if stopping and not ready:
                return

    def _woken(self) -> None:
        self._waker.recv(1)

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
