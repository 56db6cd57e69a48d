"""How fast a question reaches a person, and an answer the world: real proxy, audit log and control socket."""

from __future__ import annotations

import asyncio
import resource
import ssl
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

from benchmarks.table import Comparison, percentile
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Events
from ironcurtain_tui.events import Escalation, EscalationChanged, EscalationState
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.route import Upstream
from ironcurtain_tui.proxy.server import Proxy
from tests.proxy.stage import Agent, FakeProvider, server_context
from tests.supervisor.gate_stage import answer, fetch, gate_stage

HOST = "files.example.org"
ROUNDS = 100
WAITING = 1_000
CPU_SECONDS = 10.0
REQUEST = f"POST /upload HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n".encode() + b"x" * 1000


def run() -> list[Comparison]:
    """With nothing else waiting, and with a thousand other questions."""
    return [asyncio.run(_measure())]


async def _measure() -> Comparison:
    columns = ("nothing else waits", f"{WAITING:,} others wait")
    table = Comparison(
        "Approvals, milliseconds", columns, (), f"{ROUNDS} requests of 1,000 bytes each; limits: 100 ms and 50 ms."
    )
    figures: dict[str, dict[str, float]] = {}
    async with AsyncExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ic-bench-")))
        stage = await stack.enter_async_context(gate_stage(root))
        public = CertificateAuthority.load_or_create(root / "public")
        ours = CertificateAuthority.load_or_create(root / "ours")
        upstream = FakeProvider(public, server_context(public, HOST, root))
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, ssl=upstream.context)
        port = server.sockets[0].getsockname()[1]
        proxy = Proxy(
            UnixListener(root / "p.sock"),
            ours,
            [],
            stage.gate,
            lambda _: None,
            upstreams={HOST: Upstream("127.0.0.1", port, public.certificate_pem)},
        )
        await proxy.start()
        viewer = await ControlClient.connect(stage.socket)
        agent = Agent(*await asyncio.open_unix_connection(root / "p.sock"))
        await agent.connect(f"{HOST}:443")
        await agent.handshake(ssl.create_default_context(cadata=ours.certificate_pem.decode()), HOST)
        figures[columns[0]] = await _rounds(agent, viewer, upstream)
        others = [asyncio.get_running_loop().create_task(stage.gate.admit(fetch(str(n)))) for n in range(WAITING)]
        await stage.raised(WAITING)
        figures[columns[1]] = await _rounds(agent, viewer, upstream)
        table.note += f" CPU while {WAITING:,} wait: {await _cpu():.2f} % of a core."
        for other in others:
            other.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        agent.writer.close()
        await viewer.close()
        await proxy.stop(grace=0)
        server.close()
    for figure in next(iter(figures.values())):
        table.add(figure, {column: values[figure] for column, values in figures.items()})
    return table


async def _rounds(agent: Agent, viewer: ControlClient, upstream: FakeProvider) -> dict[str, float]:
    shown, released = [], []
    messages = aiter(viewer)
    for _ in range(ROUNDS):
        upstream.asked.clear()
        began = time.perf_counter()
        await agent.send(REQUEST)
        escalation = await _asked(messages)
        shown.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        viewer.send(answer(escalation))
        await upstream.asked.wait()
        released.append((time.perf_counter() - began) * 1000)
        await agent.response()
    return {
        "request sent → card at the viewer, median": statistics.median(shown),
        "the same, 95th percentile": percentile(shown, 95),
        "decision sent → request at the server, median": statistics.median(released),
        "the same, 95th percentile ": percentile(released, 95),
    }


async def _asked(messages: object) -> Escalation:
    """The next question about a request."""
    async for message in messages:  # type: ignore[attr-defined]
        for event in message.events if isinstance(message, Events) else ():
            asked = event.event.escalation if isinstance(event.event, EscalationChanged) else None
            if asked and asked.card.kind == "request" and asked.state is EscalationState.PENDING:
                return asked
    raise ConnectionError("the supervisor went away")


async def _cpu() -> float:
    """Percent of a core that this process uses while everything waits."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    await asyncio.sleep(CPU_SECONDS)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / CPU_SECONDS * 100
