"""While the doors are paused no byte passes a connection, in either direction; then all of them do."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.proxy.authority import CertificateAuthority
from tests.waiting import until

from .stage import OPEN_HOST, REAL_KEY, Agent, Stage, request

GET = f"GET /a HTTP/1.1\r\nHost: {OPEN_HOST}\r\n\r\n".encode()


async def allow(_: HttpRequest | Tunnel) -> Verdict:
    return Verdict(decision=Decision.ALLOW)


@pytest.fixture
async def open_stage(stage: Stage) -> Stage:
    stage.gate.decide = allow
    return stage


def nothing_came(agent: Agent) -> bool:
    """Whether nothing waits to be read by the agent."""
    return not agent.reader._buffer  # type: ignore[attr-defined]


class Speaker:
    """Answers in pieces, each when it is told to."""

    def __init__(self, stage: Stage) -> None:
        self.pieces: asyncio.Queue[bytes] = asyncio.Queue()
        stage.other.respond = self.respond

    async def respond(self, writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 18\r\n\r\n")
        for _piece in range(3):
            writer.write(await self.pieces.get())
            await writer.drain()


async def test_a_stream_stands_still_and_goes_on_where_it_was(open_stage: Stage) -> None:
    stage, gate = open_stage, open_stage.gate
    speaker = Speaker(stage)
    agent = await stage.inside(OPEN_HOST)
    await agent.send(GET)
    speaker.pieces.put_nowait(b"first!")
    await agent.until(b"first!")
    gate.flowing.clear()
    speaker.pieces.put_nowait(b"second")
    speaker.pieces.put_nowait(b"third!")
    await until(lambda: gate.held == 1)
    assert nothing_came(agent), "it was read from the server, and is held"
    gate.flowing.set()
    assert await agent.exactly(12) == b"secondthird!"
    (flow,) = await stage.over()
    assert (flow.status, flow.bytes_down) == (200, 18)


async def test_an_upload_stands_still(open_stage: Stage) -> None:
    stage, gate = open_stage, open_stage.gate
    agent = await stage.inside(OPEN_HOST)
    await agent.send(f"POST /a HTTP/1.1\r\nHost: {OPEN_HOST}\r\nContent-Length: 20\r\n\r\n0123456789".encode())
    await until(lambda: stage.other.body_bytes == 10)
    gate.flowing.clear()
    await agent.send(b"abcdefghij")
    await until(lambda: gate.held)  # what has come at once is one piece, or two
    assert stage.other.body_bytes == 10
    gate.flowing.set()
    assert (await agent.response()).status == 200
    assert stage.other.bodies == [b"0123456789abcdefghij"]


async def test_nothing_is_asked_and_nothing_of_ours_is_answered(open_stage: Stage) -> None:
    stage, gate = open_stage, open_stage.gate
    deciding = asyncio.Event()

    async def decide(_: HttpRequest | Tunnel) -> Verdict:
        await deciding.wait()
        return Verdict(decision=Decision.DENY, reason="no")

    agents = [await stage.inside(OPEN_HOST) for _ in range(2)]
    for agent in agents:
        assert (await agent.ask(GET)).status == 200
    gate.decide = decide
    await agents[0].send(GET)
    await until(lambda: len(stage.proxy._recorder._active) == 1)
    gate.flowing.clear()
    deciding.set()
    await until(lambda: gate.held == 1)
    gate.decide = allow
    await agents[1].send(GET)
    await until(lambda: gate.held == 2)
    assert all(nothing_came(each) for each in agents)
    assert len(stage.other.heads) == 2
    gate.flowing.set()
    assert (await agents[0].response()).status == 403
    assert (await agents[1].response()).status == 200


async def test_who_leaves_meanwhile_is_gone(open_stage: Stage) -> None:
    stage, gate = open_stage, open_stage.gate
    Speaker(stage)
    agents = [await stage.inside(OPEN_HOST) for _ in range(2)]
    await agents[0].send(GET)
    await asyncio.wait_for(stage.other.asked.wait(), 60)
    gate.flowing.clear()
    for agent in agents:
        agent.writer.close()
    await until(lambda: not stage.proxy._connections)
    assert {flow.reason for flow in await stage.over()} == {"the agent closed the connection"}


async def test_the_proxy_ends_while_it_is_paused(open_stage: Stage) -> None:
    stage, gate = open_stage, open_stage.gate
    speaker = Speaker(stage)
    agent = await stage.inside(OPEN_HOST)
    await agent.send(GET)
    gate.flowing.clear()
    speaker.pieces.put_nowait(b"first!")
    await until(lambda: gate.held == 1)
    await stage.proxy.stop(grace=0)
    assert await agent.closed()
    assert gate.held == 0
    assert b"first!" not in agent.received


async def test_model_calls_stand_still_with_the_key(stage: Stage) -> None:
    gate = stage.gate
    agent = await stage.inside()
    gate.flowing.clear()
    await agent.send(request())
    await until(lambda: gate.held == 1)
    assert stage.provider.seen == b""
    gate.flowing.set()
    assert (await agent.response()).status == 200
    assert REAL_KEY.encode() in stage.provider.seen


async def test_what_passes_unread_stands_still(
    stage: Stage, authorities: tuple[CertificateAuthority, CertificateAuthority]
) -> None:
    async def blindly(_: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=Decision.ALLOW, rule="web.blind", blind=True)

    stage.gate.decide = blindly
    agent = await stage.agent()
    assert (await agent.connect(f"{OPEN_HOST}:2222")).status == 200
    await agent.handshake(ssl.create_default_context(cadata=authorities[1].certificate_pem.decode()), OPEN_HOST)
    assert (await agent.ask(GET)).status == 200
    stage.gate.flowing.clear()
    await agent.send(GET)
    await until(lambda: stage.gate.held == 1)
    assert len(stage.other.heads) == 1
    stage.gate.flowing.set()
    assert (await agent.response()).status == 200
