"""Our proxy between a lower bound and plain mitmdump, all in one run; TLS on both sides everywhere.

The lower bound is haproxy, which terminates the client's TLS, encrypts anew and looks at nothing.
"""

from __future__ import annotations

import base64
import os
import shutil
import socket
import ssl
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives import serialization

from benchmarks.process import cpu_seconds, family, memory_bytes, part, running
from benchmarks.table import Comparison, percentile
from ironcurtain_tui.proxy.addons.proxy_authentication import USER
from ironcurtain_tui.proxy.authority import CertificateAuthority

HOST = "api.anthropic.com"
SENTINEL = "sk-ant-api03-ironcurtain-bench-0123456789abcdef"
KEY = "sk-ant-api03-bench-THE-REAL-KEY-0123456789abcdef"
TOKEN = "bench-token"  # noqa: S105 -- of a door that is open for this run
ROUNDS = 3
WARM_REQUESTS = 300
NEW_CONNECTIONS = 20
PARALLEL = 32
PARALLEL_SECONDS = 2.0
DOWNLOAD = 100_000_000
DIRECT, BOUND, PEER, OURS, OURS_TCP = "direct", "haproxy", "mitmdump", "ours", "ours over TCP"


@dataclass
class Contender:
    """One way to the upstream, and what was measured on it."""

    name: str
    dial: Callable[[], socket.socket]
    trust: ssl.SSLContext
    pid: int | None
    """The proxy's process, None on the direct way."""
    tunnel: str | None = f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n"
    """How it is asked for the way to the provider; None where a connection leads there at once."""
    first_bytes: list[float] = field(default_factory=list)
    connections: list[float] = field(default_factory=list)
    connection_cpu: list[float] = field(default_factory=list)
    warm_rates: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    request_cpu: list[float] = field(default_factory=list)
    throughputs: list[float] = field(default_factory=list)
    download_cpu: list[float] = field(default_factory=list)
    memory: float = 0.0
    """Bytes, at the end."""

    def connect(self) -> ssl.SSLSocket:
        """A new connection, ready for requests."""
        raw = self.dial()
        if self.tunnel is not None:
            raw.sendall(f"{self.tunnel}\r\n".encode())
            answer = raw.recv(65536)
            if b" 200 " not in answer.split(b"\r\n")[0]:
                raise RuntimeError(f"{self.name} refused the tunnel: {answer!r}")
        return self.trust.wrap_socket(raw, server_hostname=HOST)

    def cpu(self) -> float:
        """Processor seconds of the proxy so far, with all its processes."""
        return 0.0 if self.pid is None else cpu_seconds(*family(self.pid))


def ask(stream: ssl.SSLSocket, size: int, buffer: bytearray) -> float:
    """One request, its response read to the end; seconds to the first byte."""
    request = (
        f"POST /v1/messages HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
        f"x-api-key: {SENTINEL}\r\nx-size: {size}\r\nContent-Length: 2\r\n\r\n{{}}"
    )
    began = time.perf_counter()
    stream.sendall(request.encode())
    got = stream.recv_into(buffer)
    first = time.perf_counter() - began
    if not buffer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"unexpected answer: {bytes(buffer[:got])!r}")
    while (end := buffer.find(b"\r\n\r\n", 0, got)) < 0:
        got += stream.recv_into(memoryview(buffer)[got:])
    left = size - (got - end - 4)
    while left > 0:
        received = stream.recv_into(buffer)
        if not received:
            raise RuntimeError("the response ended early")
        left -= received
    return first


def warm_requests(contender: Contender) -> None:
    """Small requests one after the other on one connection."""
    buffer = bytearray(1 << 16)
    with contender.connect() as stream:
        for _ in range(20):
            ask(stream, 500, buffer)
        began = time.perf_counter()
        contender.first_bytes += [ask(stream, 500, buffer) for _ in range(WARM_REQUESTS)]
        contender.warm_rates.append(WARM_REQUESTS / (time.perf_counter() - began))


def new_connections(contender: Contender) -> None:
    """From nothing to the first byte of a response."""
    buffer = bytearray(1 << 16)
    before = contender.cpu()
    for _ in range(NEW_CONNECTIONS):
        began = time.perf_counter()
        with contender.connect() as stream:
            ask(stream, 500, buffer)
            contender.connections.append(time.perf_counter() - began)
    contender.connection_cpu.append((contender.cpu() - before) / NEW_CONNECTIONS)


def parallel_requests(contender: Contender) -> None:
    """Small requests on several connections at once."""
    counts = [0] * PARALLEL
    failures: list[BaseException] = []
    start, stop = threading.Barrier(PARALLEL + 1), threading.Event()

    def client(number: int) -> None:
        buffer = bytearray(1 << 16)
        try:
            with contender.connect() as stream:
                ask(stream, 500, buffer)
                start.wait(10)
                while not stop.is_set():
                    ask(stream, 500, buffer)
                    counts[number] += 1
        except Exception as error:
            failures.append(error)
            start.abort()

    clients = [threading.Thread(target=client, args=(number,)) for number in range(PARALLEL)]
    for each in clients:
        each.start()
    try:
        start.wait(10)
    except threading.BrokenBarrierError:
        pass  # a client failed and says why
    before, began = contender.cpu(), time.perf_counter()
    stop.wait(PARALLEL_SECONDS)
    done, took, used = sum(counts), time.perf_counter() - began, contender.cpu() - before
    stop.set()
    for each in clients:
        each.join()
    if failures:
        raise failures[0]
    contender.rates.append(done / took)
    contender.request_cpu.append(used / done)


def download(contender: Contender) -> None:
    """One large stream of events."""
    buffer = bytearray(1 << 18)
    with contender.connect() as stream:
        ask(stream, 500, buffer)
        before, began = contender.cpu(), time.perf_counter()
        ask(stream, DOWNLOAD, buffer)
        contender.throughputs.append(DOWNLOAD / 1e6 / (time.perf_counter() - began))
        contender.download_cpu.append((contender.cpu() - before) / (DOWNLOAD / 1e8))


def upstream_certificate(directory: Path) -> tuple[Path, Path]:
    """The provider's key and certificate, and the authority that signed it: two files in ``directory``."""
    public = CertificateAuthority.load_or_create(directory / "public")
    server_pem = directory / "server.pem"
    encoding = serialization.Encoding.PEM
    server_pem.write_bytes(
        public.leaf_key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + public.leaf(HOST).public_bytes(encoding)
    )
    return server_pem, directory / "public" / "ca-cert.pem"


@contextmanager
def contenders(directory: Path) -> Iterator[list[Contender]]:
    """The upstream, and every way to it; without the lower bound where haproxy is not installed."""
    server_pem, public_ca = upstream_certificate(directory)
    with ExitStack() as stack:
        _, port = stack.enter_context(part("upstream", str(server_pem)))
        public = trusting(public_ca)
        found = [Contender(DIRECT, _tcp(int(port)), public, None, tunnel=None)]
        if (haproxy := installed(BOUND)) is not None:
            listen, configuration = _free_port(), directory / "haproxy.cfg"
            configuration.write_text(_HAPROXY.format(listen=listen, port=port, pem=server_pem, ca=public_ca, host=HOST))
            process = stack.enter_context(running([haproxy, "-db", "-f", str(configuration)]))
            found.append(Contender(BOUND, _waited_for(_tcp(listen)), public, process.pid, tunnel=None))
        found.append(_mitmdump(stack, directory / "mitmdump", port, public_ca))
        found += [
            _ours(stack, directory / "uds", port, public_ca),
            _ours(stack, directory / "tcp", port, public_ca, TOKEN),
        ]
        yield found


def installed(program: str) -> str | None:
    """Where ``program`` lies, which may be one of the administrator's."""
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin")


_HAPROXY = """
global
  nbthread 1
  log stderr local0 alert
defaults
  mode http
  http-reuse always
  timeout connect 10s
  timeout client 60s
  timeout server 60s
listen way
  bind 127.0.0.1:{listen} ssl crt {pem}
  server provider 127.0.0.1:{port} ssl verify required ca-file {ca} sni str({host}) verifyhost {host}
"""


def _mitmdump(stack: ExitStack, state: Path, port: str, public_ca: Path) -> Contender:
    listen = _free_port()
    add_on = Path(__file__).parent / "parts" / "key_swap.py"
    options = {
        "listen_host": "127.0.0.1",
        "listen_port": listen,
        "confdir": state,
        "ssl_verify_upstream_trusted_ca": public_ca,
    }
    command = [str(Path(sys.executable).with_name("mitmdump")), "-q", "-s", str(add_on)]
    for option, value in options.items():
        command += ["--set", f"{option}={value}"]
    keys = {"BENCH_SENTINEL": SENTINEL, "BENCH_KEY": KEY, "BENCH_PORT": port}
    process = stack.enter_context(running(command, keys))
    dial = _waited_for(_tcp(listen))
    return Contender(PEER, dial, trusting(state / "mitmproxy-ca-cert.pem"), process.pid)


def _ours(stack: ExitStack, state: Path, port: str, public_ca: Path, token: str | None = None) -> Contender:
    """On a unix socket; with a ``token`` on TCP."""
    state.mkdir()
    keys = {"BENCH_SENTINEL": SENTINEL, "BENCH_KEY": KEY, **({"BENCH_TOKEN": token} if token else {})}
    pid, listen = stack.enter_context(part("our_proxy", str(state), port, str(public_ca), environment=keys))
    trust = trusting(state / "ca" / "ca-cert.pem")
    if token is None:
        return Contender(OURS, _unix(state / "proxy.sock"), trust, pid)
    shown = base64.b64encode(f"{USER}:{token}".encode()).decode()
    tunnel = f"{Contender.tunnel}Proxy-Authorization: Basic {shown}\r\n"
    return Contender(OURS_TCP, _tcp(int(listen)), trust, pid, tunnel)


def _tcp(port: int) -> Callable[[], socket.socket]:
    def dial() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), timeout=30)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    return dial


def _unix(path: Path) -> Callable[[], socket.socket]:
    def dial() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(30)
        connection.connect(os.fspath(path))
        return connection

    return dial


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _waited_for(dial: Callable[[], socket.socket]) -> Callable[[], socket.socket]:
    """``dial``, once somebody answers."""
    deadline = time.monotonic() + 30
    while True:
        try:
            dial().close()
            return dial
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def trusting(authority: Path) -> ssl.SSLContext:
    """A client's context that trusts ``authority`` alone, and speaks HTTP/1.1."""
    context = ssl.create_default_context(cafile=authority)
    context.set_alpn_protocols(["http/1.1"])
    return context


def run() -> list[Comparison]:
    """Measure all contenders in turn, several rounds; medians of the rounds."""
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as name, contenders(Path(name)) as measured:
        for _ in range(ROUNDS):
            for work in (warm_requests, new_connections, parallel_requests, download):
                for contender in measured:
                    work(contender)
        for contender in measured:
            contender.memory = memory_bytes(*family(contender.pid)) if contender.pid is not None else 0.0
    bounded = any(contender.name == BOUND for contender in measured)
    missing = f"NO LOWER BOUND: {BOUND} is not installed (`scripts/packages {BOUND}={BOUND}`). "
    table = Comparison(
        "Proxy",
        tuple(contender.name for contender in measured),
        ((OURS, PEER), (OURS_TCP, PEER)),
        ("" if bounded else missing)
        + "TLS on both sides, HTTP/1.1, answers of 500 bytes; client and upstream share the machine with the proxy. "
        "haproxy terminates TLS, encrypts anew and looks at nothing. mitmdump runs a streaming key-swap add-on and "
        "nothing else; ours filters, swaps, scrubs, counts tokens, keeps headers and bodies, and writes two chained "
        "audit records a request, the first flushed to the disk before the request goes on. CPU is user and system "
        "time of the proxy with all its processes, memory what they hold at the end (PSS). "
        f"Medians of {ROUNDS} interleaved rounds.",
    )
    milliseconds, median = 1000, statistics.median
    direct = measured[0].first_bytes

    def add(figure: str, value: Callable[[Contender], float], *, proxies_only: bool = False) -> None:
        table.add(figure, {one.name: value(one) for one in measured if one.pid is not None or not proxies_only})

    def added(percent: int) -> Callable[[Contender], float]:
        return lambda one: (percentile(one.first_bytes, percent) - percentile(direct, percent)) * milliseconds

    add("time to first byte, p50 ms", lambda one: percentile(one.first_bytes, 50) * milliseconds)
    add("added to it, p50 ms", added(50), proxies_only=True)
    add("added to it, p99 ms", added(99), proxies_only=True)
    add("new connection to first byte, p50 ms", lambda one: median(one.connections) * milliseconds)
    add("CPU ms of it", lambda one: median(one.connection_cpu) * milliseconds, proxies_only=True)
    add("requests/s on 1 connection", lambda one: median(one.warm_rates))
    add(f"requests/s on {PARALLEL} connections", lambda one: median(one.rates))
    add("CPU ms a request", lambda one: median(one.request_cpu) * milliseconds, proxies_only=True)
    add("100 MB down, MB/s", lambda one: median(one.throughputs))
    add("CPU s of it", lambda one: median(one.download_cpu), proxies_only=True)
    add("memory, MB", lambda one: one.memory / 1e6, proxies_only=True)
    return [table]
