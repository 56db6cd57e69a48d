"""Every intent that is in the log gets its outcome, at whatever moment the client leaves: real proxy, gate and log."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from ironcurtain_tui.audit.log import AuditLog, _Request
from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.control.messages import Decide
from ironcurtain_tui.credentials.credential import FixedKey, Key
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.events import Decision, Flow
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.policy.action import HttpRequest
from ironcurtain_tui.supervisor.chronicle import Chronicle
from ironcurtain_tui.tasks import TaskOwner
from tests.supervisor.gate_stage import GateStage, answer, fetch, gate_stage
from tests.waiting import PATIENCE, until
from tests.whole_log import verify_file

from .stage import OPEN_HOST, REAL_KEY, Agent, Build, Stage, request

ALLOWED = f'[[rule]]\nname = "files"\non = "request"\nhost = "{OPEN_HOST}"\nthen = "allow"\n'
GET = f"GET /a HTTP/1.1\r\nHost: {OPEN_HOST}\r\n\r\n".encode()
UPLOAD = f"POST /a HTTP/1.1\r\nHost: {OPEN_HOST}\r\nContent-Length: 100\r\n\r\nten bytes.".encode()


class SlowDisk:
    """Holds up the log's writer before it stores the record of an intent, until it is told to go on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kind = ""
        self.reached = threading.Event()
        self._go_on = threading.Event()
        store = AuditLog._store

        def slow(log: AuditLog, batch: list[_Request]) -> None:
            if any(each.entry.kind == self.kind and each.entry.decision is Decision.ALLOW for each in batch):
                self.reached.set()
                self._go_on.wait()
            store(log, batch)

        monkeypatch.setattr(AuditLog, "_store", slow)

    def stop_at(self, kind: str) -> None:
        self.kind = kind

    def go_on(self) -> None:
        self.kind = ""
        self._go_on.set()


@dataclass
class World:
    """A proxy that asks the gatekeeper of a session."""

    room: GateStage
    stage: Stage
    disk: SlowDisk

    def watch(self) -> None:
        """As a session's assembly does it."""
        chronicle = Chronicle(SessionPaths(self.room.root, "0" * 12), self.room.bulletin)
        chronicle._log = self.room.audit

        def publish(flow: Flow) -> None:
            self.stage.flows.append(flow)
            if flow.state.is_over and flow.intended:
                chronicle.outcome(flow)

        self.stage.proxy._recorder._publish_flow = publish
        self.stage.gate.decide = self.room.gate.admit
        self.stage.gate.answer = self.room.gate.ask
        self.stage.gate.looked_up = self.room.gate.looked_up  # type: ignore[method-assign]

    async def gone(self, agent: Agent) -> None:
        """The client leaves, and the proxy has noticed."""
        agent.writer.close()
        await until(lambda: not self.stage.proxy._connections)

    async def count(self) -> tuple[int, int]:
        """Intents and outcomes of requests, once all is over."""
        self.disk.go_on()
        await self.stage.proxy.stop(grace=0)
        await self.room.gatehouse.close()
        await asyncio.to_thread(self.room.audit.close)
        assert verify_file(self.room.audit.path, "0" * 12).ok
        records = last_records(self.room.audit.path, 1000)
        allowed = [each for each in records if each.decision is Decision.ALLOW and each.kind in ("request", "tool")]
        return len(allowed), len([each for each in records if each.kind in ("request.end", "tool.end")])


MakeWorld = Callable[..., Awaitable[World]]


@pytest_asyncio.fixture
async def world(build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[MakeWorld]:
    disk = SlowDisk(monkeypatch)
    rooms = []

    async def make(policy: str = ALLOWED, **options: object) -> World:
        root = tmp_path / f"w{len(rooms)}"
        root.mkdir()
        room = gate_stage(root, policy=policy)
        made = World(await room.__aenter__(), await build(**options), disk)
        rooms.append(room)
        made.watch()
        return made

    yield make
    disk.go_on()
    for room in rooms:
        await room.__aexit__(None, None, None)


async def reached(disk: SlowDisk) -> None:
    assert await asyncio.to_thread(disk.reached.wait, 10)


async def test_while_the_intent_is_being_written(world: MakeWorld) -> None:
    made = await world()
    agent = await made.stage.inside(OPEN_HOST)
    made.disk.stop_at("request")
    await agent.send(GET)
    await reached(made.disk)
    await made.gone(agent)
    assert await made.count() == (1, 1)
    assert made.stage.other.heads == []
    (end,) = [each for each in last_records(made.room.audit.path, 1000) if each.kind == "request.end"]
    assert (end.data["state"], end.data["path"]) == ("error", "/a")
    assert "before it was sent" in str(end.data["reason"])


async def test_while_the_intent_waits_to_be_written(world: MakeWorld) -> None:
    made = await world()
    agents = [await made.stage.inside(OPEN_HOST) for _ in range(5)]
    made.disk.stop_at("request")
    await agents[0].send(GET)
    await reached(made.disk)
    for agent in agents[1:]:
        await agent.send(GET)
    await until(lambda: made.room.audit._requests.qsize() >= 4)
    for agent in agents[1:]:
        agent.writer.close()
    await until(lambda: len(made.stage.proxy._connections) == 1)
    made.disk.go_on()
    assert (await agents[0].response()).status == 200
    assert await made.count() == (1, 1), "what was not written yet never is"


async def test_while_names_are_looked_up(world: MakeWorld) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    async def resolve(host: str, port: int) -> list[str]:
        asked.set()
        await never.wait()
        return []

    made = await world(direct=True, resolve=resolve)
    agent = await made.stage.inside()
    await agent.send(request())
    await asyncio.wait_for(asked.wait(), PATIENCE)
    await made.gone(agent)
    assert await made.count() == (1, 1)


async def test_a_name_that_cannot_be_resolved(world: MakeWorld) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    made = await world(direct=True, resolve=resolve)
    agent = await made.stage.inside()
    assert (await agent.ask(request())).status == 502
    assert await made.count() == (1, 1)
    records = last_records(made.room.audit.path, 1000)
    assert not [each for each in records if each.decision is Decision.DENY], "nobody refused it"
    (end,) = [each for each in records if each.kind == "request.end"]
    assert end.summary.endswith(": the name api.anthropic.com cannot be resolved")


async def test_while_the_key_is_fetched(world: MakeWorld) -> None:
    asked, never = asyncio.Event(), asyncio.Event()

    class Slow(FixedKey):
        async def key(self) -> Key:
            asked.set()
            await never.wait()
            return await super().key()

    made = await world(key=Slow(Secret(REAL_KEY)))
    agent = await made.stage.inside()
    await agent.send(request())
    await asyncio.wait_for(asked.wait(), PATIENCE)
    await made.gone(agent)
    assert await made.count() == (1, 1)


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"])
async def test_while_the_server_answers(world: MakeWorld, first: bytes) -> None:
    never = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, _: bytes) -> None:
        writer.write(first)
        await never.wait()

    made = await world()
    made.stage.other.respond = respond
    agent = await made.stage.inside(OPEN_HOST)
    await agent.send(GET)
    await asyncio.wait_for(made.stage.other.asked.wait(), PATIENCE)
    if first:
        await agent.until(b"half")
    await made.gone(agent)
    assert await made.count() == (1, 1)


async def test_while_it_sends_its_body(world: MakeWorld) -> None:
    made = await world()
    agent = await made.stage.inside(OPEN_HOST)
    await agent.send(UPLOAD)
    await asyncio.wait_for(made.stage.other.asked.wait(), PATIENCE)
    await made.gone(agent)
    assert await made.count() == (1, 1)


async def test_while_a_person_is_asked(world: MakeWorld) -> None:
    made = await world(policy="")
    agent = await made.stage.inside(OPEN_HOST)
    await agent.send(GET)
    await made.room.raised()
    await made.gone(agent)
    assert await made.count() == (0, 0)


async def test_after_a_person_said_yes(world: MakeWorld) -> None:
    made = await world(policy="")
    agent = await made.stage.inside(OPEN_HOST)
    await agent.send(GET)
    (escalation,) = await made.room.raised()
    made.disk.stop_at("request")
    decision: Decide = answer(escalation)
    assert await made.room.gatehouse._desk.decide(decision) is None
    await reached(made.disk)
    await made.gone(agent)
    assert await made.count() == (1, 1)
    assert made.stage.other.heads == []


async def test_what_is_refused_after_it_was_admitted(world: MakeWorld) -> None:
    made = await world()
    agent = await made.stage.inside()
    assert (await agent.ask(request(body="no json"))).status == 400
    (flow,) = await made.stage.over()
    assert (flow.decision, flow.intended) == (Decision.DENY, True)
    assert await made.count() == (1, 1)


async def test_when_the_session_ends(world: MakeWorld) -> None:
    made = await world()
    made.stage.other.respond = lambda _writer, _head: asyncio.Event().wait()  # type: ignore[assignment,return-value]
    agents = [await made.stage.inside(OPEN_HOST) for _ in range(3)]
    for agent in agents:
        await agent.send(GET)
    await until(lambda: len(made.stage.other.heads) == 3)
    assert await made.count() == (3, 3)


async def test_a_tool_call_that_is_taken_back_while_it_is_recorded(world: MakeWorld) -> None:
    made = await world('[[rule]]\nname = "f"\non = "tool"\nserver = "fetch"\nthen = "allow"\n')
    made.disk.stop_at("tool")
    calling = TaskOwner()
    task = calling.start(made.room.gate.admit(fetch()), "call")
    await reached(made.disk)
    task.cancel()
    await calling.settle()
    assert await made.count() == (1, 1)


async def test_what_the_proxy_looks_up_itself_has_an_outcome(world: MakeWorld) -> None:
    made = await world()
    asked = HttpRequest(host=OPEN_HOST, port=443, method="GET", path="/left-pad", content_length=0)
    assert (await made.room.gate.admit(asked)).decision is Decision.ALLOW
    made.room.gate.looked_up(asked, "the registry does not answer")
    assert await made.count() == (1, 1)
