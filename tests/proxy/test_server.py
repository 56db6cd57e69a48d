from __future__ import annotations

import asyncio
import gc
import os
import stat
import tracemalloc

import msgspec
import pytest

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Decision, FlowState
from ironcurtain_tui.listener import UnixListener
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.providers import PROVIDERS
from tests.waiting import PATIENCE

from .stage import HOST, REAL_KEY, SENTINEL, Agent, Build, Closed, Stage, reply, request

START = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"claude-sonnet-4-5","usage":'
    b'{"input_tokens":1000,"cache_read_input_tokens":10,"cache_creation_input_tokens":5,"output_tokens":1}}}\n\n'
)
END = b'event: message_delta\ndata: {"type":"message_delta","delta":{},"usage":{"output_tokens":100}}\n\n'


async def test_a_tunnel_asked_for_in_the_older_version_is_like_any_other(stage: Stage) -> None:
    agent = await stage.agent()
    await agent.send(f"CONNECT {HOST}:443 HTTP/1.0\r\n\r\n".encode())  # as Python 3.11 does
    assert (await agent.response(connect=True)).status == 200
    await agent.handshake(stage.trust)
    for _ in range(2):
        assert (await agent.ask(request())).status == 200


async def test_swaps_the_key_and_tells_the_flow(stage: Stage) -> None:
    agent = await stage.inside()
    response = await agent.ask(request(body='{"model":"m"}'))
    assert (response.status, response.body) == (200, b'{"ok":true}')
    head = stage.provider.heads[0]
    assert head.startswith(b"POST /v1/messages?beta=true HTTP/1.1\r\n")
    assert f"x-api-key: {REAL_KEY}".encode() in head
    assert b"ccept-Encoding: identity" in head
    assert SENTINEL.encode() not in stage.provider.seen
    assert stage.provider.bodies == [b'{"model":"m"}']
    (flow,) = await stage.over()
    assert (flow.method, flow.host, flow.port, flow.path) == ("POST", HOST, 443, "/v1/messages")
    assert (flow.decision, flow.state, flow.status) == (Decision.ALLOW, FlowState.DONE, 200)
    assert (flow.bytes_up, flow.bytes_down, flow.content_type) == (13, 11, "application/json")
    assert flow.first_byte_ms is not None
    assert flow.total_ms is not None
    assert 0 < flow.first_byte_ms <= flow.total_ms
    assert stage.flows[0].state is FlowState.OPEN
    assert REAL_KEY.encode() not in msgspec.json.encode(stage.flows)
    assert [action for action, _ in stage.gate.admitted] == [
        Tunnel(host=HOST, port=443),
        HttpRequest(
            host=HOST,
            port=443,
            method="POST",
            path="/v1/messages",
            query="beta=true",
            content_type="application/json",
            content_length=13,
        ),
    ]


async def test_one_connection_serves_many_requests_and_reuses_its_upstream(stage: Stage) -> None:
    agent = await stage.inside()
    for _ in range(5):
        assert (await agent.ask(request())).status == 200
        assert (await agent.ask(request("GET", "/api/claude_code/settings"))).status == 404
        assert (await agent.ask(request("POST", "/v1/files"))).status == 403
    assert stage.provider.connections == 1
    assert len(stage.provider.heads) == 5


async def test_managed_settings_are_answered_here(stage: Stage) -> None:
    agent = await stage.inside()
    response = await agent.ask(request("GET", "/api/claude_code/settings", body="", key=None))
    assert response.status == 404
    error = msgspec.json.decode(response.body)["error"]
    assert error["type"] == "not_found_error"
    assert "refused" not in error["message"]
    (flow,) = await stage.over()
    assert (flow.decision, flow.status) == (Decision.ANSWER, 404)
    assert stage.provider.connections == 0


async def test_a_refusal_has_the_providers_form_and_says_not_to_retry(stage: Stage) -> None:
    agent = await stage.inside()
    response = await agent.ask(request("POST", "/v1/complete"))
    error = msgspec.json.decode(response.body)
    assert response.status == 403
    assert response.header("x-should-retry") == "false"
    assert error["type"] == "error"
    assert error["error"]["type"] == "permission_error"
    assert "POST /v1/complete is not an endpoint" in error["error"]["message"]
    (flow,) = await stage.over()
    assert (flow.decision, flow.state, flow.status) == (Decision.DENY, FlowState.DONE, 403)
    assert "not an endpoint" in flow.reason


async def test_a_connection_that_is_to_be_closed_is_closed(stage: Stage) -> None:
    agent = await stage.inside()
    assert (await agent.ask(request("POST", "/v1/messages", "Connection: close"))).status == 200
    assert await agent.closed()


async def test_a_client_that_waits_for_a_go_ahead_gets_it(stage: Stage) -> None:
    agent = await stage.inside()
    raw = request("POST", "/v1/messages", "Expect: 100-continue", body='{"model":"x"}')
    await agent.send(raw[:-5])
    assert (await agent.head())[0] == 100
    await agent.send(raw[-5:])
    assert (await agent.response()).status == 200
    assert stage.provider.bodies == [b'{"model":"x"}']
    assert b"xpect" not in stage.provider.seen


async def test_an_unlisted_host_is_refused_before_anything_is_dialled(build: Build) -> None:
    asked = []

    async def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["192.0.2.1"]

    stage = await build(direct=True, resolve=resolve)
    agent = await stage.agent()
    response = await agent.connect("example.org:443")
    assert response.status == 403
    assert "example.org is not a host this session may reach" in msgspec.json.decode(response.body)["error"]["message"]
    assert asked == []
    (flow,) = await stage.over()
    assert (flow.method, flow.host, flow.decision) == ("CONNECT", "example.org", Decision.DENY)
    assert stage.gate.refusals == []  # the verdict was the gate's own


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::7f00:1"]
)
async def test_a_name_that_leads_to_a_private_address_is_refused(build: Build, address: str) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        return ["93.184.216.34", address]

    stage = await build(direct=True, resolve=resolve)
    agent = await stage.inside()
    response = await agent.ask(request())
    assert response.status == 502
    assert b"not public" in response.body
    assert stage.provider.connections == 0


@pytest.mark.parametrize("answers", [OSError("no such name"), []], ids=["unknown", "no address"])
async def test_a_name_that_cannot_be_resolved_is_an_error_and_nobodys_refusal(
    build: Build, answers: OSError | list[str]
) -> None:
    async def resolve(host: str, port: int) -> list[str]:
        if isinstance(answers, OSError):
            raise answers
        return answers

    stage = await build(direct=True, resolve=resolve)
    agent = await stage.inside()
    response = await agent.ask(request())
    assert response.status == 502
    assert f"the name {HOST} ".encode() in response.body
    (flow,) = await stage.over()
    assert (flow.decision, flow.state, flow.status) == (Decision.ALLOW, FlowState.ERROR, 502)
    assert f"the name {HOST} " in flow.reason
    assert flow.intended, "its outcome is recorded"
    assert stage.gate.refusals == []


async def test_a_stream_is_passed_on_as_it_comes(stage: Stage) -> None:
    go_on = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%s\r\n" % (len(START), START))
        await writer.drain()
        await go_on.wait()
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(END), END))

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.send(request())
    assert (await agent.head())[0] == 200
    size = int(await agent.until(b"\r\n"), 16)
    assert await agent.exactly(size) == START  # the second event has not been sent yet
    go_on.set()
    assert END in await agent.until(b"\r\n0\r\n\r\n")
    (flow,) = await stage.over()
    assert flow.usage is not None
    assert (flow.usage.model, flow.usage.input_tokens, flow.usage.output_tokens) == ("claude-sonnet-4-5", 1000, 100)
    assert flow.cost_usd == pytest.approx(0.00452175, rel=0.5)
    assert flow.bytes_down == len(START) + len(END)


COMPLETED = (
    b'event: response.completed\ndata: {"type":"response.completed","response":'
    b'{"model":"gpt-5.1","usage":{"input_tokens":10,"output_tokens":3}}}\n\n'
)


@pytest.mark.parametrize(
    ("event", "state"),
    [(COMPLETED, FlowState.DONE), (b'event: response.created\ndata: {"type":"response.created"}\n\n', FlowState.ERROR)],
)
async def test_who_leaves_after_the_last_event_has_missed_nothing(build: Build, event: bytes, state: FlowState) -> None:
    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%s\r\n" % (len(event), event))
        await writer.drain()
        await asyncio.sleep(3600)

    openai = PROVIDERS["openai"]
    host = openai.hosts[0].name
    stage = await build(of=openai)
    stage.provider.respond = respond
    agent = await stage.inside(host)
    body = '{"model":"gpt-5.1","input":"x","stream":true}'
    key = f"Authorization: Bearer {SENTINEL}"
    await agent.send(request("POST", "/v1/responses", key, body=body, key=None, host=host))
    await agent.until(event)
    agent.writer.close()
    (flow,) = await stage.over()
    assert (flow.state, bool(flow.reason)) == (state, state is FlowState.ERROR)


async def test_growing_counts_are_told_at_most_ten_times_a_second(stage: Stage) -> None:
    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(200):
            writer.write(b"1\r\nx\r\n")
            await writer.drain()
            await asyncio.sleep(0.002)
        writer.write(b"0\r\n\r\n")

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.ask(request())
    (flow,) = await stage.over()
    assert flow.total_ms is not None
    assert flow.bytes_down == 200
    # open, first byte, end, and one for every tenth of a second between
    assert len(stage.flows) <= 3 + flow.total_ms / 100
    assert len(stage.flows) > 3


async def test_an_exception_in_the_gate_refuses(stage: Stage) -> None:
    agent = await stage.inside()

    async def fail(action: HttpRequest | Tunnel) -> Verdict:
        raise OSError("disk full " + REAL_KEY)

    stage.gate.decide = fail
    response = await agent.ask(request())
    assert response.status == 403
    assert b"could not be checked" in response.body
    assert REAL_KEY.encode() not in response.body
    assert stage.provider.connections == 0
    again = await stage.agent()
    assert (await again.connect()).status == 403


@pytest.mark.parametrize("decision", [Decision.DENY, Decision.ESCALATE])
async def test_only_an_allow_allows(stage: Stage, decision: Decision) -> None:
    agent = await stage.inside()

    async def decide(action: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=decision, reason="no")

    stage.gate.decide = decide
    assert (await agent.ask(request())).status == 403
    assert stage.provider.connections == 0


async def test_an_allow_cannot_widen_the_providers_list(stage: Stage) -> None:
    async def decide(action: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=Decision.ALLOW)

    stage.gate.decide = decide
    agent = await stage.inside()
    assert (await agent.ask(request("POST", "/v1/files"))).status == 403
    assert stage.provider.connections == 0


async def test_a_held_request_blocks_no_other_and_goes_out_whole(stage: Stage) -> None:
    release = asyncio.Event()
    large = '{"model": "' + "x" * 200_000 + '"}'

    async def decide(action: HttpRequest | Tunnel) -> Verdict:
        if isinstance(action, HttpRequest) and action.content_length == len(large):
            await release.wait()
        return Verdict(decision=Decision.ALLOW)

    stage.gate.decide = decide
    held, other = await stage.inside(), await stage.inside()
    await held.send(request(body=large))
    assert (await other.ask(request())).status == 200
    assert len(stage.provider.heads) == 1
    release.set()
    assert (await held.response()).status == 200
    assert stage.provider.bodies[-1] == large.encode()


async def test_hanging_up_cancels_a_held_request(stage: Stage) -> None:
    entered, cancelled = asyncio.Event(), asyncio.Event()

    async def decide(action: HttpRequest | Tunnel) -> Verdict:
        if isinstance(action, HttpRequest):
            entered.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled.set()
                raise
        return Verdict(decision=Decision.ALLOW)

    stage.gate.decide = decide
    agent = await stage.inside()
    await agent.send(request())
    await entered.wait()
    agent.writer.close()
    async with asyncio.timeout(PATIENCE):
        await cancelled.wait()
    (flow,) = await stage.over()
    assert flow.state is FlowState.ERROR
    assert stage.provider.connections == 0


async def test_a_held_upload_is_not_read_without_end(stage: Stage) -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def decide(action: HttpRequest | Tunnel) -> Verdict:
        if isinstance(action, HttpRequest):
            entered.set()
            await release.wait()
        return Verdict(decision=Decision.ALLOW)

    stage.gate.decide = decide
    stage.provider.keep_bodies = False
    agent = await stage.inside()
    size = 30 << 20
    head = request(body="").replace(b"Content-Length: 0", b"Content-Length: %d" % size)
    await agent.send(head)
    sent = 0

    async def upload() -> None:
        nonlocal sent
        while sent < size:
            piece = b" " * 65536 if sent else b"{}" + b" " * 65534
            await agent.send(piece)
            sent += len(piece)

    async with asyncio.TaskGroup() as tasks:
        uploading = tasks.create_task(upload())
        await entered.wait()
        before = -1
        while sent != before:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.3)
        assert sent < 16 << 20
        assert not uploading.done()
        release.set()
    assert (await agent.response()).status == 200
    assert stage.provider.body_bytes == size


async def test_memory_is_flat_for_a_large_download(stage: Stage) -> None:
    piece, count = b"x" * 65536, 1024

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(piece) * count))
        for _ in range(count):
            writer.write(piece)
            await writer.drain()

    stage.provider.respond = respond
    agent = await stage.inside()
    peak = await _peak(_download(agent, len(piece) * count))
    assert peak < 12 << 20


async def _download(agent: Agent, size: int) -> None:
    await agent.send(request())
    await agent.head()
    got = len(agent._buffer)
    while got < size:
        got += len(await agent.read())
        agent.received = b""


async def test_memory_is_flat_for_a_large_refused_upload(stage: Stage) -> None:
    agent = await stage.inside()
    size = 64 << 20
    head = request("POST", "/v1/files", body="").replace(b"Content-Length: 0", b"Content-Length: %d" % size)

    async def upload() -> None:
        await agent.send(head)
        for _ in range(size // 65536):
            await agent.send(b"x" * 65536)
        assert (await agent.response()).status == 403

    assert await _peak(upload()) < 12 << 20
    assert stage.provider.connections == 0


async def _peak(work: object) -> int:
    """Bytes by which Python's memory grew at most while ``work`` ran."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await work  # type: ignore[misc]
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


async def test_the_loop_is_left_as_it_is(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    assert loop.get_task_factory() is None
    assert loop.get_exception_handler() is None
    assert "getaddrinfo" not in vars(loop)


async def test_stop_ends_connections_and_removes_only_its_own_socket(build: Build) -> None:
    stage = await build()
    assert stat.S_IMODE(stage.path.stat().st_mode) == 0o600
    agent = await stage.inside()
    await stage.proxy.stop(grace=0.1)
    assert await agent.closed()
    assert not stage.path.exists()
    first = UnixListener(stage.path)
    second = UnixListener(stage.path, mode=0o666)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    await first.open(serve)
    await second.open(serve)
    first.close()
    assert stat.S_IMODE(stage.path.stat().st_mode) == 0o666
    second.close()
    assert not stage.path.exists()


async def test_stop_lets_an_exchange_end(stage: Stage) -> None:
    started = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        started.set()
        await asyncio.sleep(0.3)
        writer.write(reply(b"late"))

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.send(request())
    await started.wait()
    stopping = asyncio.get_running_loop().create_task(stage.proxy.stop(grace=PATIENCE))
    assert (await agent.response()).body == b"late"
    await stopping
    assert await agent.closed()


async def test_a_door_that_cannot_be_opened_is_told(tmp_path: os.PathLike[str], build: Build) -> None:
    stage = await build()
    occupied = stage.path.parent / "file"
    occupied.write_text("in the way")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    with pytest.raises(UserFacingError, match="annot listen"):
        await UnixListener(occupied).open(serve)
    assert occupied.read_text() == "in the way"


async def test_the_agent_going_away_ends_the_upstream(stage: Stage) -> None:
    gone = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            while True:
                writer.write(b"5\r\nhello\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
        except ConnectionError:
            gone.set()
            raise

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.send(request())
    await agent.head()
    agent.writer.close()
    async with asyncio.timeout(PATIENCE):
        await gone.wait()
    (flow,) = await stage.over()
    assert flow.state is FlowState.ERROR


async def test_more_connections_than_the_limit_are_closed(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ironcurtain_tui.proxy.server.MAX_CONNECTIONS", 2)
    first, second, third = await stage.agent(), await stage.agent(), await stage.agent()
    with pytest.raises((Closed, ConnectionError)):
        await third.connect()
    assert (await first.connect()).status == 200
    assert (await second.connect()).status == 200
