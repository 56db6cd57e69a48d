"""The proxy at a TCP port: only for who shows the session's token."""

from __future__ import annotations

import asyncio
import base64

import pytest

from ironcurtain_tui.listener import TcpListener

from .stage import HOST, Agent, Build, request

TOKEN = "t0ken-of-this-session"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def connect(*headers: str, target: str = f"{HOST}:443") -> bytes:
    return "\r\n".join([f"CONNECT {target} HTTP/1.1", f"Host: {target}", *headers, "", ""]).encode()


RIGHT = f"Proxy-Authorization: {basic('ironcurtain:' + TOKEN)}"
WRONG = {
    "nothing": (),
    "a wrong token": (f"Proxy-Authorization: {basic('ironcurtain:' + TOKEN[:-1])}",),
    "a token and more": (f"Proxy-Authorization: {basic('ironcurtain:' + TOKEN + 'x')}",),
    "another user": (f"Proxy-Authorization: {basic('somebody:' + TOKEN)}",),
    "no token": (f"Proxy-Authorization: {basic('ironcurtain:')}",),
    "the token in plain": (f"Proxy-Authorization: Basic ironcurtain:{TOKEN}",),
    "another scheme": (f"Proxy-Authorization: Bearer {TOKEN}",),
    "the right and another": (RIGHT, f"Proxy-Authorization: {basic('x:y')}"),
    "the right twice": (RIGHT, RIGHT),
    "another header": (f"Authorization: {basic('ironcurtain:' + TOKEN)}",),
}


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG.keys())
async def test_without_the_token_nothing_opens(build: Build, headers: tuple[str, ...]) -> None:
    stage = await build(token=TOKEN)
    agent = await stage.agent()
    await agent.send(connect(*headers))
    response = await agent.response(connect=True)
    assert response.status == 407
    assert response.header("proxy-authenticate") == 'Basic realm="IronCurtain"'
    assert TOKEN not in repr(response)
    assert stage.gate.denials == 1
    assert await agent.closed()


async def test_without_the_token_nothing_else_is_answered_either(build: Build) -> None:
    stage = await build(token=TOKEN)
    agent = await stage.agent()
    await agent.send(f"GET http://{HOST}/ HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    assert (await agent.response()).status == 407


async def test_with_the_token_it_is_the_proxy_and_tells_nobody(build: Build) -> None:
    stage = await build(token=TOKEN)
    agent = await stage.agent()
    await agent.send(connect(RIGHT))
    assert (await agent.response(connect=True)).status == 200
    await agent.handshake(stage.trust)
    response = await agent.ask(request("POST", "/v1/messages", RIGHT))
    assert response.status == 200
    assert b"proxy-authorization" not in stage.provider.seen.lower()
    assert TOKEN.encode() not in stage.provider.seen
    assert TOKEN not in repr(stage.flows)


async def test_with_the_token_other_ports_stay_shut(build: Build) -> None:
    stage = await build(token=TOKEN)
    for port in (22, 80, 8443):
        agent = await stage.agent()
        await agent.send(connect(RIGHT, target=f"{HOST}:{port}"))
        assert (await agent.response(connect=True)).status == 403


async def test_it_serves_at_a_tcp_port_too(build: Build) -> None:
    door = TcpListener("127.0.0.1")
    stage = await build(token=TOKEN, door=door)
    agent = Agent(*await asyncio.open_connection("127.0.0.1", door.port))
    await agent.send(connect(RIGHT))
    assert (await agent.response(connect=True)).status == 200
    await agent.handshake(stage.trust)
    assert (await agent.ask(request())).status == 200
    agent.writer.close()
