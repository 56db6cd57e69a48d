"""Our proxy under load for a long time: many requests, many parallel streams, clients that vanish.

Nothing may be lost, cut short or altered, every request that was waited for must be in the audit log with its end, and
afterwards neither memory nor descriptors may have grown.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import ssl
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.parts.our_proxy import SESSION
from benchmarks.parts.upstream import BLOCK, EVENT
from benchmarks.process import cpu_seconds, part
from benchmarks.proxy import HOST, KEY, SENTINEL, trusting, upstream_certificate
from benchmarks.table import Comparison
from ironcurtain_tui.paths import SessionPaths

REQUESTS, STREAMS, WORKERS = 100_000, 200, 16
SMALL, LARGE = 500, 200_000
"""Bytes of an answer; of one whose reader vanishes in the midst of it."""
VANISHING = 100
"""One request in so many is left by its client before it is over."""
KEEP = 50
"""Requests on one connection."""
SAMPLES = 20
PAUSE = 0.5
"""Seconds between two events of a stream."""
EVENTS = 20


@dataclass
class Load:
    """What is asked of the proxy, and what came of it."""

    socket: Path
    trust: ssl.SSLContext
    pid: int
    requests: int
    streams: int
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0
    asked: int = 0
    """Requests that were sent, streams and those of clients that vanished among them."""
    answered: int = 0
    vanished: int = 0
    streamed: int = 0
    resident: list[float] = field(default_factory=list)
    """MB of the proxy, sampled evenly over the requests."""
    descriptors: tuple[int, int] = (0, 0)
    """Of the proxy, before and after."""
    cpu: float = 0.0

    async def run(self) -> None:
        """All of it. AssertionError when an answer is not what the upstream sent."""
        before, used = self._open_descriptors(), cpu_seconds(self.pid)
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            streams = [group.create_task(self._stream(over)) for _ in range(self.streams)]
            numbers = iter(range(self.requests))
            async with asyncio.TaskGroup() as workers:
                for seed in range(WORKERS):
                    workers.create_task(self._worker(numbers, random.Random(seed)))  # noqa: S311 -- repeatable
            over.set()
            await asyncio.gather(*streams)
        self.seconds = time.monotonic() - self.began
        self.cpu = cpu_seconds(self.pid) - used
        for _ in range(200):  # the proxy may need a moment to see that connections are closed
            if self._open_descriptors() <= before:
                break
            await asyncio.sleep(0.05)
        self.descriptors = before, self._open_descriptors()

    async def _worker(self, numbers: Iterator[int], dice: random.Random) -> None:
        for first in numbers:
            async with self._connection() as (reader, writer):
                for number in itertools.chain([first], itertools.islice(numbers, KEEP - 1)):
                    self._sample(number)
                    if dice.randrange(VANISHING) == 0:
                        await self._vanish(reader, writer, dice)
                        break
                    await self._ask(writer, SMALL)
                    assert await self._answer(reader) == BLOCK[:SMALL]
                    self.answered += 1

    async def _vanish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, dice: random.Random) -> None:
        await self._ask(writer, LARGE)
        self.vanished += 1
        if dice.random() < 0.5:
            await reader.read(dice.randrange(1, LARGE))
        writer.transport.abort()

    async def _stream(self, over: asyncio.Event) -> None:
        """Streams one after the other until ``over``, each to its end."""
        length = len(EVENT) * EVENTS
        async with self._connection() as (reader, writer):
            while not over.is_set():
                await self._ask(writer, length, f"x-pause: {PAUSE}\r\n")
                assert await self._answer(reader) == EVENT * EVENTS
                self.streamed += 1

    async def _ask(self, writer: asyncio.StreamWriter, size: int, more: str = "") -> None:
        self.asked += 1
        writer.write(
            f"POST /v1/messages HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
            f"x-api-key: {SENTINEL}\r\nx-size: {size}\r\n{more}Content-Length: 2\r\n\r\n{{}}".encode()
        )
        await writer.drain()

    async def _answer(self, reader: asyncio.StreamReader) -> bytes:
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return await reader.readexactly(int(fields[b"content-length"]))

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        try:
            writer.write(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n\r\n".encode())
            assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
            await writer.start_tls(self.trust, server_hostname=HOST)
            yield reader, writer
        finally:
            writer.transport.abort()

    def _sample(self, number: int) -> None:
        if number % max(1, self.requests // SAMPLES) == 0:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
            self.resident.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)

    def _open_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))  # noqa: PTH208 -- only their number


@contextmanager
def proxy(directory: Path) -> Iterator[tuple[int, Path, ssl.SSLContext]]:
    """Our proxy before a provider of ours: its process, socket, and whom its clients trust."""
    certificate, authority = upstream_certificate(directory)
    keys = {"BENCH_SENTINEL": SENTINEL, "BENCH_KEY": KEY}
    with ExitStack() as stack:
        _, port = stack.enter_context(part("upstream", str(certificate)))
        pid, _ = stack.enter_context(part("our_proxy", str(directory), port, str(authority), environment=keys))
        yield pid, directory / "proxy.sock", trusting(directory / "ca" / "ca-cert.pem")


def soak(requests: int, streams: int) -> Load:
    """Run it. AssertionError when anything was lost, in an answer or in the audit log."""
    with tempfile.TemporaryDirectory(prefix="ic-soak-") as name:
        with proxy(Path(name)) as (pid, socket, trust):
            load = Load(socket, trust, pid, requests, streams)
            asyncio.run(load.run())
        kinds: Counter[str] = Counter()
        with SessionPaths.of(SESSION, Path(name)).audit_log.open("rb") as log:
            for line in log:
                record = json.loads(line)
                if record["data"].get("method", record["data"].get("action", {}).get("method")) == "POST":
                    kinds[record["kind"]] += 1
    assert load.answered + load.vanished == requests
    # One that vanished may have left before its request was read, or while it was being recorded.
    assert load.asked - load.vanished <= kinds["request.end"] <= kinds["request"] <= load.asked, (kinds, load)
    return load


def run() -> list[Comparison]:
    """The long one."""
    load = soak(REQUESTS, STREAMS)
    table = Comparison(
        "Soak",
        ("ours",),
        (),
        f"{WORKERS} clients, {KEEP} requests a connection, {STREAMS} streams of {1 / PAUSE:.0f} events a second beside "
        f"them, one request in {VANISHING} left in the midst of its answer. Every answer is compared, every request "
        "found in the audit log with its end. Clients and provider share the machine.",
    )
    quarter = len(load.resident) // 4
    for figure, value in {
        "requests": load.asked,
        "clients that vanished": load.vanished,
        "streams read to the end": load.streamed,
        "minutes": load.seconds / 60,
        "requests/s": load.asked / load.seconds,
        "CPU ms a request, streams included": load.cpu / load.asked * 1000,
        "MB resident after a quarter": load.resident[quarter],
        "MB resident at the end": load.resident[-1],
        "descriptors before": load.descriptors[0],
        "descriptors after": load.descriptors[1],
    }.items():
        table.add(figure, {"ours": value})
    return [table]
