"""Requests to hosts of no provider: held as they are, released as they were, or not at all."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ironcurtain_tui.escalations import card as cards
from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.events import Decision, FieldKind, FlowState
from ironcurtain_tui.policy.action import HttpRequest, Tunnel, Verdict
from ironcurtain_tui.proxy.core import MAX_HELD_BODY
from tests.waiting import PATIENCE

from .stage import HOST, OPEN_HOST, REAL_KEY, SENTINEL, Agent, Build, FakeProvider, Stage

ESCALATE = Verdict(decision=Decision.ESCALATE, reason="unknown host", rule="unlisted")


class Person:
    """Answers held requests when told to."""

    def __init__(self, stage: Stage) -> None:
        self.called = asyncio.Event()
        self.cancelled = asyncio.Event()
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        stage.gate.decide = self._decide
        stage.gate.answer = self._answer

    async def _decide(self, action: HttpRequest | Tunnel) -> Verdict:
        return ESCALATE

    async def _answer(self, request: HeldRequest) -> Verdict:
        self.called.set()
        try:
            verdict = await asyncio.shield(self.verdict)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        if verdict.decision is Decision.ALLOW and not verdict.digest:
            return Verdict(decision=Decision.ALLOW, digest=digest.of_request(request))
        return verdict

    def approve(self) -> None:
        self.verdict.set_result(Verdict(decision=Decision.ALLOW))

    def deny(self, reason: str, *, retry: bool = False) -> None:
        self.verdict.set_result(Verdict(decision=Decision.DENY, reason=reason, retry=retry))


def ask(method: str = "POST", target: str = "/upload?x=1", *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", f"Host: {OPEN_HOST}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def held(stage: Stage, person: Person, raw: bytes) -> Agent:
    agent = await stage.inside(OPEN_HOST)
    await agent.send(raw)
    async with asyncio.timeout(PATIENCE):
        await person.called.wait()
    return agent


def sent_digest(upstream: FakeProvider) -> str:
    """The digest of what arrived at the server, computed from the bytes on the wire."""
    head, body = upstream.heads[-1].decode("latin-1"), upstream.bodies[-1]
    first, *lines = head.removesuffix("\r\n\r\n").split("\r\n")
    method, target, _ = first.split(" ")
    fields = [line.split(": ", 1) for line in lines]
    action = HttpRequest(host=OPEN_HOST, port=443, method=method, path=target.partition("?")[0])
    headers = tuple((name, value) for name, value in fields)
    return digest.of_request(HeldRequest(action=action, target=target, headers=headers, body=body))


async def test_an_approved_request_goes_out_byte_for_byte_without_a_retry(stage: Stage) -> None:
    person = Person(stage)
    body = bytes(range(256)) * 4000
    agent = await held(stage, person, ask("POST", "/upload?x=1", "Content-Type: application/octet-stream", body=body))
    assert stage.other.connections == 0, "nothing is dialled before the approval"
    assert any(flow.decision is Decision.ESCALATE for flow in stage.flows), "viewers see that it is held"
    person.approve()
    assert (await agent.response()).status == 200
    assert stage.other.bodies == [body]
    (request,) = stage.gate.asked
    shown = cards.of_request(request, ESCALATE, asker="agent")
    assert shown.digest == sent_digest(stage.other)
    (flow,) = await stage.over()
    assert (flow.decision, flow.state, flow.bytes_up, flow.status) == (Decision.ALLOW, FlowState.DONE, len(body), 200)


async def test_a_chunked_body_is_held_and_released_whole(stage: Stage) -> None:
    person = Person(stage)
    raw = ask("PUT", "/a", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    agent = await held(stage, person, raw)
    assert stage.gate.asked[0].body == b"hello world"
    person.approve()
    assert (await agent.response()).status == 200
    assert stage.other.bodies == [b"hello world"]


async def test_a_denied_request_reaches_nobody_and_the_sentence_reaches_the_agent(stage: Stage) -> None:
    person = Person(stage)
    agent = await held(stage, person, ask(body=b"secret"))
    person.deny("the person denied it and says: use the mirror")
    response = await agent.response()
    assert response.status == 403
    assert b"the person denied it and says: use the mirror. Trying again will not help." in response.body
    assert stage.other.connections == 0


async def test_an_answer_tells_when_asking_later_may_help(stage: Stage) -> None:
    person = Person(stage)
    agent = await held(stage, person, ask("GET", "/"))
    person.deny("nobody decided within 300 seconds", retry=True)
    response = await agent.response()
    assert b"It may be allowed later." in response.body
    assert b'"retry": true' in response.body


@pytest.mark.parametrize("body", [b"", b"x" * 100_000])
async def test_hanging_up_takes_the_question_back(stage: Stage, body: bytes) -> None:
    person = Person(stage)
    agent = await held(stage, person, ask(body=body))
    agent.writer.close()
    async with asyncio.timeout(PATIENCE):
        await person.cancelled.wait()
    person.approve()
    await stage.over()
    assert stage.other.connections == 0


async def test_the_next_request_on_the_connection_is_asked_about_again(stage: Stage) -> None:
    person = Person(stage)
    agent = await held(stage, person, ask("GET", "/a"))
    person.approve()
    assert (await agent.response()).status == 200
    assert (await agent.ask(ask("GET", "/b"))).status == 200
    assert [each.target for each in stage.gate.asked] == ["/a", "/b"]


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_nobody_can_read_is_not_held(stage: Stage, chunked: bool) -> None:
    Person(stage)
    agent = await stage.inside(OPEN_HOST)
    size = MAX_HELD_BODY + 1
    await agent.send(
        ask("POST", "/", "Transfer-Encoding: chunked" if chunked else f"Content-Length: {size}")
        + (b"%x\r\n" % size if chunked else b"")
    )
    for _ in range(size // 4096):
        await agent.send(b"x" * 4096)
    await agent.send(b"x" * (size % 4096) + (b"\r\n0\r\n\r\n" if chunked else b""))
    assert (await agent.response()).status == 413
    assert not stage.gate.asked
    assert stage.other.connections == 0


async def test_a_client_that_waits_for_a_go_ahead_gets_one(stage: Stage) -> None:
    person = Person(stage)
    agent = await stage.inside(OPEN_HOST)
    await agent.send(ask("POST", "/", "Content-Length: 5", "Expect: 100-continue"))
    assert (await agent.head())[0] == 100
    await agent.send(b"hello")
    async with asyncio.timeout(PATIENCE):
        await person.called.wait()
    person.approve()
    assert (await agent.response()).status == 200
    assert stage.other.bodies == [b"hello"]
    assert sent_digest(stage.other) == digest.of_request(stage.gate.asked[0])


async def test_what_is_held_altogether_is_bounded(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ironcurtain_tui.proxy.addons.endpoint_filter.MAX_HELD", 1500)
    person = Person(stage)
    first = await held(stage, person, ask(body=b"x" * 1000))
    second = await stage.inside(OPEN_HOST)
    response = await second.ask(ask(body=b"x" * 1000))
    assert response.status == 429
    assert b'"retry": true' in response.body
    person.approve()
    assert (await first.response()).status == 200
    third = await stage.inside(OPEN_HOST)
    assert (await third.ask(ask(body=b"x" * 1000))).status == 200


async def test_credentials_are_taken_out_and_the_card_says_so(stage: Stage) -> None:
    person = Person(stage)
    agent = await held(
        stage, person, ask("GET", "/", "Authorization: Bearer abc", "X-Api-Key: own", "Cookie: a=b", "X-Other: stays")
    )
    (request,) = stage.gate.asked
    card = cards.of_request(request, ESCALATE, asker="agent")
    shown = {each.label: each.value for each in card.fields}
    assert shown["Headers taken out"].split("\n") == [
        f"{name}: taken out, it carried a credential" for name in ("authorization", "x-api-key", "cookie")
    ]
    person.approve()
    await agent.response()
    assert b"X-Other: stays" in stage.other.seen
    for word in (b"Bearer", b"own", b"a=b"):
        assert word not in stage.other.seen
    assert REAL_KEY.encode() not in stage.other.seen


@pytest.mark.parametrize(
    "raw",
    [
        ask("GET", "/", f"X-Api-Key: {SENTINEL}"),
        ask("GET", f"/?k={SENTINEL}"),
        ask("GET", "/", f"X-{SENTINEL}: 1"),
        ask("POST", "/", body=f'{{"stolen": "{SENTINEL}"}}'.encode()),
    ],
)
async def test_a_placeholder_key_on_its_way_out_is_a_tripwire(stage: Stage, raw: bytes) -> None:
    Person(stage)
    agent = await stage.inside(OPEN_HOST)
    response = await agent.ask(raw)
    assert response.status == 403
    assert stage.gate.alarms == [f"a placeholder key was about to be sent to {OPEN_HOST}"]
    assert not stage.gate.asked
    assert stage.other.connections == 0


async def test_an_allowed_host_is_streamed_without_asking(stage: Stage) -> None:
    async def allow(action: HttpRequest | Tunnel) -> Verdict:
        return Verdict(decision=Decision.ALLOW)

    stage.gate.decide = allow
    agent = await stage.inside(OPEN_HOST)
    assert (await agent.ask(ask(body=b"data"))).status == 200
    assert not stage.gate.asked
    assert stage.other.bodies == [b"data"]


async def test_a_request_that_changes_after_the_approval_is_not_sent(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ironcurtain_tui.proxy.addons.destination_guard import DestinationGuard

    original = DestinationGuard.request

    async def meddle(self: DestinationGuard, flow: object) -> None:
        flow.request.headers["x-extra"] = "smuggled"  # type: ignore[attr-defined]
        await original(self, flow)  # type: ignore[arg-type]

    monkeypatch.setattr(DestinationGuard, "request", meddle)
    person = Person(stage)
    agent = await held(stage, person, ask("GET", "/"))
    person.approve()
    response = await agent.response()
    assert response.status == 403
    assert b"no longer what was approved" in response.body
    assert stage.other.connections == 0


async def test_a_providers_own_host_cannot_be_opened_by_approval(stage: Stage) -> None:
    person = Person(stage)
    person.approve()
    agent = await stage.inside(HOST)
    await agent.send(f"GET /v1/files HTTP/1.1\r\nHost: {HOST}\r\nx-api-key: {SENTINEL}\r\n\r\n".encode())
    assert (await agent.response()).status == 403
    assert not stage.gate.asked


async def test_names_are_not_looked_up_before_the_approval_and_private_addresses_never_dialled(build: Build) -> None:
    looked_up: list[str] = []

    async def resolve(host: str, port: int) -> list[str]:
        looked_up.append(host)
        return ["169.254.169.254"]

    stage = await build(resolve=resolve)
    person = Person(stage)
    agent = await stage.agent()
    assert (await agent.connect("rebind.example.com:443")).status == 200
    await agent.handshake(stage.trust, "rebind.example.com")
    await agent.send(b"GET / HTTP/1.1\r\nHost: rebind.example.com\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        await person.called.wait()
    assert looked_up == []
    person.approve()
    response = await agent.response()
    assert response.status == 502
    assert b"not public" in response.body
    assert looked_up == ["rebind.example.com"]


async def test_cutting_a_host_ends_its_connections_only(stage: Stage) -> None:
    person = Person(stage)
    first, second = await stage.inside(OPEN_HOST), await stage.inside(HOST)
    assert (stage.proxy.connections_to(OPEN_HOST), stage.proxy.connections_to(HOST)) == (1, 1)
    stage.proxy.cut(OPEN_HOST)
    assert await first.closed()
    person.approve()
    assert stage.proxy.connections_to(HOST) == 1
    second.writer.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    body=st.binary(max_size=5000),
    target=st.text("abcXYZ019-._~/&=", max_size=40),
    values=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20), max_size=3),
)
async def test_what_arrives_has_the_digest_of_what_was_shown(
    build: Build, body: bytes, target: str, values: list[str]
) -> None:
    stage = await build()
    person = Person(stage)
    person.approve()
    agent = await stage.inside(OPEN_HOST)
    headers = [f"X-H{index}: {value}" for index, value in enumerate(values)]
    assert (await agent.ask(ask("POST", f"/{target}", *headers, body=body))).status == 200
    (request,) = stage.gate.asked
    assert cards.of_request(request, ESCALATE, asker="agent").digest == sent_digest(stage.other)
    assert stage.other.bodies == [body]
    agent.writer.close()
    await stage.proxy.stop(grace=0)


async def test_an_undecodable_body_is_shown_as_uninspectable(stage: Stage) -> None:
    person = Person(stage)
    agent = await held(stage, person, ask("POST", "/", "Content-Encoding: gzip", body=b"\x1f\x8b\x08\x00"))
    card = cards.of_request(stage.gate.asked[0], ESCALATE, asker="agent")
    assert [each.kind for each in card.fields if each.label == "Body"] == [FieldKind.UNINSPECTABLE]
    person.deny("no")
    await agent.response()
