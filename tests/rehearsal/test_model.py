"""The scripted model on the wire, asked over real TLS."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest

from ironcurtain_tui.rehearsal.model import LARGEST_BODY, RehearsalModel
from tests.waiting import PATIENCE

KEY = "sk-ant-rehearsal-0123456789"
HOST = "api.anthropic.com"


@pytest.fixture
async def model() -> AsyncIterator[RehearsalModel]:
    model = RehearsalModel(KEY, pause=0.0)
    await model.start()
    yield model
    await model.stop()


def connect(model: RehearsalModel, authority: bytes | None = None) -> httpx.AsyncClient:
    """A client that takes the model for the provider's host, and verifies it as that."""
    trust = ssl.create_default_context(cadata=(authority or model.ca_pem).decode())
    return httpx.AsyncClient(
        base_url=f"https://127.0.0.1:{model.port}",
        verify=trust,
        trust_env=False,
        headers={"x-api-key": KEY},
        timeout=PATIENCE,
    )


SNI = {"sni_hostname": HOST}


@pytest.fixture
async def client(model: RehearsalModel) -> AsyncIterator[httpx.AsyncClient]:
    async with connect(model) as client:
        yield client


def question(text: str, **more: object) -> dict[str, object]:
    tools = [{"name": "Bash"}, {"name": "Write"}]
    messages = [{"role": "user", "content": text}]
    return {"model": "claude-x", "max_tokens": 100, "messages": messages, "tools": tools, **more}


async def post(client: httpx.AsyncClient, path: str, body: object, **headers: str) -> httpx.Response:
    return await client.post(path, json=body, headers=headers, extensions=SNI)


def events(text: str) -> list[dict[str, object]]:
    parsed = []
    for chunk in text.strip().split("\n\n"):
        name, data = chunk.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        parsed.append(event)
    return parsed


async def test_a_message_comes_whole(client: httpx.AsyncClient) -> None:
    response = await post(client, "/v1/messages?beta=true", question("SAY: hello there"))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    message = response.json()
    assert message["content"] == [{"type": "text", "text": "hello there"}]
    assert (message["type"], message["role"], message["model"]) == ("message", "assistant", "claude-x")
    assert message["stop_reason"] == "end_turn"
    assert message["usage"]["input_tokens"] > 10
    assert message["usage"]["output_tokens"] == 2
    assert response.headers["request-id"].startswith("req_")


async def test_a_message_comes_as_a_stream_of_the_same_content(client: httpx.AsyncClient) -> None:
    body = question('Do\nRUN: echo "ä  b"')
    whole = (await post(client, "/v1/messages", body)).json()
    response = await post(client, "/v1/messages", {**body, "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    started, opened, ping, *deltas, closed, finished, stopped = events(response.text)
    assert [e["type"] for e in (started, opened, ping)] == ["message_start", "content_block_start", "ping"]
    assert started["message"]["content"] == []  # type: ignore[index]
    assert opened["content_block"]["input"] == {}  # type: ignore[index]
    pieces = "".join(delta["delta"]["partial_json"] for delta in deltas)  # type: ignore[index]
    assert json.loads(pieces) == whole["content"][0]["input"]
    assert opened["content_block"]["name"] == whole["content"][0]["name"] == "Bash"  # type: ignore[index]
    assert closed == {"type": "content_block_stop", "index": 0}
    assert finished["delta"] == {"stop_reason": "tool_use", "stop_sequence": None}
    assert finished["usage"]["output_tokens"] == whole["usage"]["output_tokens"]  # type: ignore[index]
    assert stopped == {"type": "message_stop"}


async def test_text_is_streamed_word_by_word() -> None:
    model = RehearsalModel(KEY, pause=0.05)
    await model.start()
    loop = asyncio.get_running_loop()
    try:
        body = question("SAY: one two three", stream=True)
        async with connect(model) as client, client.stream("POST", "/v1/messages", json=body, extensions=SNI) as stream:
            arrivals = [(line, loop.time()) async for line in stream.aiter_lines() if "text_delta" in line]
    finally:
        await model.stop()
    assert [json.loads(line[6:])["delta"]["text"] for line, _ in arrivals] == ["one ", "two ", "three"]
    assert arrivals[-1][1] - arrivals[0][1] >= 0.04, "not in one piece: the last word is said after a pause"


@pytest.mark.parametrize("key", ["sk-ant-api03-ironcurtain-sentinel", "", KEY + "x"])
async def test_only_the_swapped_key_opens_it(client: httpx.AsyncClient, key: str) -> None:
    for path in ("/v1/messages", "/v1/messages/count_tokens"):
        response = await post(client, path, question("look"), **{"x-api-key": key})
        assert response.status_code == 401
        assert response.json() == {
            "type": "error",
            "error": {"type": "authentication_error", "message": "invalid API key"},
        }


async def test_the_key_may_come_as_a_bearer_token(model: RehearsalModel, client: httpx.AsyncClient) -> None:
    del client.headers["x-api-key"]
    response = await post(client, "/v1/messages", question("look"), authorization=f"Bearer {KEY}")
    assert response.status_code == 200


async def test_tokens_are_counted(client: httpx.AsyncClient) -> None:
    short = (await post(client, "/v1/messages/count_tokens", question("a"))).json()["input_tokens"]
    long = (await post(client, "/v1/messages/count_tokens", question("a" * 4000))).json()["input_tokens"]
    assert long == pytest.approx(short + 1000, abs=2)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v1/models"), ("HEAD", "/"), ("GET", "/v1/messages"), ("POST", "/v1/messages/x")]
)
async def test_everything_else_is_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    for _ in range(2):  # the connection stays usable
        response = await client.request(method, path, extensions=SNI)
        assert response.status_code == 404
        if method != "HEAD":
            assert response.json()["error"]["type"] == "not_found_error"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"model":"x"}', b'{"model":1,"messages":[]}', b"\xff", b"[" * 9999]
)
async def test_a_body_that_makes_no_sense_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    response = await client.post("/v1/messages", content=body, extensions=SNI)
    assert response.status_code == 400
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/messages", content=b" " * (LARGEST_BODY + 1), extensions=SNI)
    assert response.status_code == 413
    assert response.json()["error"]["type"] == "request_too_large"
    assert (await post(client, "/v1/messages", question("look"))).status_code == 200


async def test_it_is_the_providers_host_or_nothing(model: RehearsalModel) -> None:
    async with connect(model) as client:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get("/", extensions={"sni_hostname": "example.com"})


async def test_another_rehearsals_authority_does_not_vouch_for_it(model: RehearsalModel) -> None:
    other = RehearsalModel(KEY)
    await other.start()
    try:
        async with connect(model, other.ca_pem) as client:
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                await client.get("/", extensions=SNI)
    finally:
        await other.stop()


async def test_garbage_ends_only_its_own_connection(model: RehearsalModel, client: httpx.AsyncClient) -> None:
    trust = ssl.create_default_context(cadata=model.ca_pem.decode())
    for garbage in (b"\x00\xff\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"a" * 100_000, b"POST / HTTP/1.1\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", model.port, ssl=trust, server_hostname=HOST)
        writer.write(garbage)
        with suppress(ConnectionError):  # which is how the kernel says that not all was read
            assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()
    assert (await post(client, "/v1/messages", question("look"))).status_code == 200


async def test_stop_cuts_a_stream_and_frees_the_port() -> None:
    model = RehearsalModel(KEY, pause=3600.0)
    await model.start()
    port = model.port
    async with connect(model) as client:
        body = question("look", stream=True)
        async with client.stream("POST", "/v1/messages", json=body, extensions=SNI) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: message_start"
            await asyncio.wait_for(model.stop(), PATIENCE)
            with pytest.raises(httpx.RemoteProtocolError):
                async for _ in lines:
                    pass
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    with pytest.raises(RuntimeError):
        _ = model.port
