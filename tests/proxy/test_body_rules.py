"""Bodies of model calls on the real listener: what arrives at the provider is what was looked through."""

from __future__ import annotations

import gzip
import json

import msgspec
import pytest

from ironcurtain_tui.credentials.credential import FixedKey
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sentinel import mint
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.body import MAX_BODY, ServerTools
from ironcurtain_tui.proxy.route import Route

from .stage import SENTINEL, Build, Stage, request

OTHER_KEY = "sk-or-v1-THE-OTHER-REAL-KEY-0123456789"
TOOL = {"name": "Bash", "input_schema": {"type": "object"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
PICTURE = {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}}


def call(**fields: object) -> str:
    return json.dumps({"model": "claude-x", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}], **fields})


async def test_a_harmless_body_arrives_to_the_byte(stage: Stage) -> None:
    body = '{ "model" : "claude-\\u0078","max_tokens":1e1, "messages":[ ],\n\t"tools":[' + json.dumps(TOOL) + "] }\n"
    agent = await stage.inside()
    assert (await agent.ask(request(body=body))).status == 200
    assert stage.provider.bodies == [body.encode()]
    (flow,) = await stage.over()
    assert flow.altered == ()
    assert flow.bytes_up == len(body)


async def test_the_providers_own_tools_are_taken_out_and_told(stage: Stage) -> None:
    agent = await stage.inside()
    assert (await agent.ask(request(body=call(tools=[SEARCH, TOOL], mcp_servers=[{"url": "https://x"}])))).status == 200
    assert stage.provider.bodies == [json.dumps(json.loads(call(tools=[TOOL])), separators=(",", ":")).encode()]
    assert f"Content-Length: {len(stage.provider.bodies[0])}".encode() in stage.provider.heads[0]
    (flow,) = await stage.over()
    assert flow.altered == ("took out field mcp_servers", "took out tool web_search_20250305")


async def test_a_chunked_body_goes_on_with_one_length(stage: Stage) -> None:
    body = call(tools=[SEARCH])
    chunks = "".join(f"{len(body[at : at + 50]):x}\r\n{body[at : at + 50]}\r\n" for at in range(0, len(body), 50))
    agent = await stage.inside()
    assert (await agent.ask(request(body=chunks + "0\r\n\r\n", chunked=True))).status == 200
    assert json.loads(stage.provider.bodies[0])["tools"] == []
    assert b"hunked" not in stage.provider.heads[0]


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        (call(messages=[{"role": "user", "content": [PICTURE]}]), 403, "image by url"),
        ('{"model":"a","model":"b"}', 400, "twice"),
        ("[]", 400, "object"),
        ("", 400, "JSON"),
        ('{"tools":{}}', 400, "array"),
        ('{"a":' + "[" * 200 + "]" * 200 + "}", 400, "nested"),
    ],
)
async def test_what_may_not_be_sent_is_refused(stage: Stage, body: str, status: int, why: str) -> None:
    agent = await stage.inside()
    answer = await agent.ask(request(body=body))
    assert answer.status == status
    assert why in msgspec.json.decode(answer.body)["error"]["message"]
    assert answer.header("x-should-retry") == "false"
    assert stage.provider.connections == 0
    assert stage.gate.denials == 1
    assert (await (await stage.inside()).ask(request(body=call()))).status == 200


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "identity, gzip", "x", ""])
async def test_encoded_bodies_are_refused_unread(stage: Stage, coding: str) -> None:
    agent = await stage.inside()
    bomb = gzip.compress(b" " * 10_000_000).decode("latin-1")
    answer = await agent.ask(request("POST", "/v1/messages", f"Content-Encoding: {coding}", body=bomb))
    assert answer.status == 415
    assert stage.provider.connections == 0


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
async def test_only_json_is_taken(stage: Stage, kind: str) -> None:
    agent = await stage.inside()
    raw = request(body=call()).replace(b"Content-Type: application/json", f"Content-Type: {kind}".encode())
    assert (await agent.ask(raw)).status == 415
    again = request("POST", "/v1/messages", f"Content-Type: {kind}", body=call())
    assert (await (await stage.inside()).ask(again)).status == 400
    assert stage.provider.connections == 0


async def test_a_body_that_is_too_large_is_refused(stage: Stage) -> None:
    agent = await stage.inside()
    head = request(body="").replace(b"Content-Length: 0", b"Content-Length: %d" % (MAX_BODY + 1))
    await agent.send(head)
    for _ in range(MAX_BODY >> 20):
        await agent.send(b" " * (1 << 20))
    await agent.send(b" ")
    assert (await agent.response()).status == 413
    assert stage.provider.connections == 0


async def test_a_chunked_body_that_grows_too_large_is_refused(stage: Stage) -> None:
    agent = await stage.inside()
    await agent.send(request(chunked=True, body=""))
    chunk = b"%x\r\n%s\r\n" % (1 << 20, b" " * (1 << 20))
    for _ in range((MAX_BODY >> 20) + 1):
        await agent.send(chunk)
    await agent.send(b"0\r\n\r\n")
    assert (await agent.response()).status == 413
    assert stage.provider.connections == 0


async def test_an_endpoint_without_a_body_gets_none(stage: Stage) -> None:
    agent = await stage.inside()
    assert (await agent.ask(request("GET", "/v1/models", body="{}"))).status == 400
    assert stage.provider.connections == 0
    agent = await stage.inside()
    assert (await agent.ask(request("GET", "/v1/models", body=""))).status == 200


async def test_the_settings_can_refuse_or_allow_them(build: Build) -> None:
    for treatment, status in ((ServerTools.DENY, 403), (ServerTools.ALLOW, 200)):
        stage = await build(server_tools=treatment)
        agent = await stage.inside()
        body = call(tools=[SEARCH])
        assert (await agent.ask(request(body=body))).status == status
        assert stage.provider.bodies == ([body.encode()] if status == 200 else [])


async def test_a_person_can_be_asked(build: Build) -> None:
    stage = await build(server_tools=ServerTools.ASK)
    stage.gate.agreed = ("tool web_search_20250305",)
    agent = await stage.inside()
    agreed, both = call(tools=[SEARCH]), call(tools=[SEARCH], mcp_servers=[])
    assert (await agent.ask(request(body=call()))).status == 200
    assert stage.gate.unseen == []
    assert (await agent.ask(request(body=agreed))).status == 200
    assert (await agent.ask(request(body=both))).status == 200
    assert stage.provider.bodies[1] == agreed.encode()
    assert json.loads(stage.provider.bodies[2]) == json.loads(call(tools=[]))
    assert stage.gate.unseen == ["tool web_search_20250305", "field mcp_servers"]


CALLS = {
    "openai": ("/v1/responses", "Authorization: Bearer {}", {"model": "m", "input": "x", "tools": [{"type": "mcp"}]}),
    "google": (
        "/v1beta/models/m:generateContent",
        "x-goog-api-key: {}",
        {"contents": [], "tools": [{"urlContext": {}}]},
    ),
    "openrouter": ("/api/v1/chat/completions", "Authorization: Bearer {}", {"model": "m:online", "messages": []}),
}


@pytest.mark.parametrize("name", CALLS)
async def test_every_provider_is_looked_after(build: Build, name: str) -> None:
    provider = PROVIDERS[name]
    host = provider.hosts[0].name
    stage = await build(of=provider)
    path, place, body = CALLS[name]
    agent = await stage.inside(host)
    raw = request("POST", path, place.format(SENTINEL), body=json.dumps(body), key=None, host=host)
    assert (await agent.ask(raw)).status == 200
    assert place.format("sk-ant-api03-REAL").split(" ")[1].encode() in stage.provider.heads[0]
    assert SENTINEL.encode() not in stage.provider.seen
    (flow,) = await stage.over()
    assert any(each.startswith("took out") for each in flow.altered)


FOREIGN_PLACES = [
    "x-api-key: {}",
    "x-goog-api-key: {}",
    "Authorization: Bearer {}",
    "Authorization: Basic {}",
    "api-key: {}",
    "openai-organization-token: {}",
    "x-goog-user-token: {}",
    "Cookie: key={}",
    "Proxy-Authorization: Bearer {}",
]


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("foreign", FOREIGN_PLACES)
async def test_no_foreign_key_opens_any_provider(build: Build, name: str, foreign: str) -> None:
    provider = PROVIDERS[name]
    host = provider.hosts[0].name
    stage = await build(of=provider)
    path, place, body = CALLS[name]
    agent = await stage.inside(host)
    somebody = foreign.format("AIzaSomebodyElsesKey0000")
    for headers in ((somebody,), (place.format(SENTINEL), somebody), (somebody, place.format(SENTINEL))):
        agent = await stage.inside(host)
        answer = await agent.ask(request("POST", path, *headers, body=json.dumps(body), key=None, host=host))
        if foreign.startswith(("Cookie", "Proxy")) and len(headers) == 2:
            assert answer.status == 200
        else:
            assert answer.status == 403
    assert b"SomebodyElses" not in stage.provider.seen


@pytest.mark.parametrize("place", ["?key={}", "?alt=sse&key={}", "?access_token={}"])
async def test_googles_key_is_not_taken_from_the_query(build: Build, place: str) -> None:
    provider = PROVIDERS["google"]
    host = provider.hosts[0].name
    stage = await build(of=provider)
    for key in (SENTINEL, "AIzaSomebodyElsesKey0000"):
        agent = await stage.inside(host)
        target = "/v1beta/models/m:streamGenerateContent" + place.format(key)
        for header in ((), (f"x-goog-api-key: {SENTINEL}",)):
            agent = await stage.inside(host)
            answer = await agent.ask(request("POST", target, *header, body='{"contents":[]}', key=None, host=host))
            assert answer.status == 403
    assert stage.provider.connections == 0


WRONG_PLACES = [
    "Authorization: Bearer {}",
    "Authorization: {}",
    "x-api-key: {}",
    "x-goog-api-key: {}",
    "X-Note: {}",
    "User-Agent: claude ({})",
    "Cookie: {}",
]


@pytest.mark.parametrize("place", WRONG_PLACES)
@pytest.mark.parametrize("key", ["sentinel", "real"])
async def test_no_key_of_one_provider_goes_to_another(build: Build, place: str, key: str) -> None:
    other = Route(PROVIDERS["openrouter"], mint("sk-or-v1-ironcurtain-"), FixedKey(Secret(OTHER_KEY)), None)
    stage = await build(beside=(other,))
    words = place.format(other.sentinel if key == "sentinel" else OTHER_KEY)
    for headers in ((words,), (f"x-api-key: {SENTINEL}", words)):
        agent = await stage.inside()
        answer = await agent.ask(request("POST", "/v1/messages", *headers, body=call(), key=None))
        if place.startswith("Cookie") and len(headers) == 2:
            assert answer.status == 200
        else:
            assert answer.status == 403
    assert OTHER_KEY.encode() not in stage.provider.seen
    assert other.sentinel.encode() not in stage.provider.seen


@pytest.mark.parametrize("path", ["/v1/messages?beta={}", "/v1/models?after_id={}", "/v1/{}"])
async def test_no_key_of_one_provider_stands_in_the_target_of_another(build: Build, path: str) -> None:
    other = Route(PROVIDERS["openrouter"], mint("sk-or-v1-ironcurtain-"), FixedKey(Secret(OTHER_KEY)), None)
    stage = await build(beside=(other,))
    for key in (other.sentinel, OTHER_KEY):
        agent = await stage.inside()
        assert (await agent.ask(request("POST", path.format(key), body=call()))).status == 403
    assert stage.provider.connections == 0
    assert len(stage.gate.alarms) == 2
