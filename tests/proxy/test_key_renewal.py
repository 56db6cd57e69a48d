"""What becomes of a request whose key is not accepted, over the real listener."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ironcurtain_tui.credentials.credential import Credential, Key
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import FlowState
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.chatgpt import CHATGPT

from .stage import SENTINEL, Agent, Build, reply, request

FIRST, SECOND, THIRD = (f"sk-ant-oat01-key-of-a-test-number-{number}-0123456789" for number in (1, 2, 3))
BODY = '{"model": "m", "max_tokens": 1, "messages": []}'
DENIED = reply(b'{"type":"error","error":{"type":"authentication_error"}}', "401 Unauthorized")


class Keys(Credential):
    """Each one that is rejected is followed by the next."""

    def __init__(self, *keys: str, account: str = "") -> None:
        super().__init__("a test")
        self.left = [Key(Secret(each), account) for each in keys]
        self.rejections: list[str] = []
        self.trouble: UserFacingError | None = None
        self._learn(self.left[0].secret)

    async def key(self) -> Key:
        if self.trouble is not None:
            raise self.trouble
        return self.left[0]

    async def rejected(self, key: Key) -> bool:
        self.rejections.append(key.secret.reveal())
        if key is self.left[0] and len(self.left) > 1:
            self.left.pop(0)
            self._learn(self.left[0].secret)
        return key is not self.left[0]


def accepting(*keys: str, extra: bytes = b"", close: bool = False) -> Callable[[asyncio.StreamWriter, bytes], object]:
    """A provider that takes only these keys; ``close`` ends the connection with every refusal."""

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        if any(key.encode() in head for key in keys):
            writer.write(reply(b'{"ok":true}' + extra))
        elif close:
            writer.write(reply(b"{}", "401 Unauthorized", "Connection: close"))
            await writer.drain()
            writer.close()
        else:
            writer.write(DENIED)

    return respond


def ask(body: str = BODY) -> bytes:
    return request(body=body)


async def test_the_agent_notices_nothing(build: Build) -> None:
    stage = await build(key=Keys(FIRST, SECOND))
    stage.provider.respond = accepting(SECOND)
    agent = await stage.inside()
    for _ in range(3):
        response = await agent.ask(ask())
        assert (response.status, response.body) == (200, b'{"ok":true}')
    assert [FIRST.encode() in head for head in stage.provider.heads] == [True, False, False, False]
    assert len(set(stage.provider.bodies)) == 1
    assert stage.provider.bodies[0]
    flows = await stage.over(3)
    assert [flow.status for flow in flows] == [200, 200, 200]
    assert all(flow.state is FlowState.DONE for flow in flows)
    assert FIRST.encode() not in agent.received
    assert SECOND.encode() not in agent.received


async def test_a_server_that_closes_with_its_refusal_is_dialled_again(build: Build) -> None:
    stage = await build(key=Keys(FIRST, SECOND))
    stage.provider.respond = accepting(SECOND, close=True)
    agent = await stage.inside()
    assert (await agent.ask(ask())).status == 200
    assert stage.provider.connections == 2


async def test_once_only(build: Build) -> None:
    keys = Keys(FIRST, SECOND, THIRD)
    stage = await build(key=keys)
    stage.provider.respond = accepting()
    agent = await stage.inside()
    response = await agent.ask(ask())
    assert response.status == 401
    assert b"authentication_error" in response.body
    assert len(stage.provider.heads) == 2
    assert keys.rejections == [FIRST, SECOND]


async def test_nothing_else_there_is_the_answer_of_the_provider(build: Build) -> None:
    keys = Keys(FIRST)
    stage = await build(key=keys)
    stage.provider.respond = accepting(SECOND)
    agent = await stage.inside()
    assert (await agent.ask(ask())).status == 401
    assert keys.rejections == [FIRST]
    keys.left = [Key(Secret(SECOND))]  # the person has put another one there
    assert (await agent.ask(ask())).status == 200  # on the same connection: nothing was lost


async def test_many_at_once(build: Build) -> None:
    stage = await build(key=Keys(FIRST, SECOND))
    stage.provider.respond = accepting(SECOND)

    async def one() -> int:
        agent = await stage.inside()
        return (await agent.ask(ask())).status

    assert await asyncio.gather(*(one() for _ in range(12))) == [200] * 12


async def test_a_key_that_is_renewed_in_mid_stream_stays_hidden_in_that_stream(build: Build) -> None:
    keys = Keys(FIRST, SECOND)
    stage = await build(key=keys)
    go_on = asyncio.Event()

    async def respond(writer: asyncio.StreamWriter, head: bytes) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        writer.write(b"5\r\nbegin\r\n")
        await go_on.wait()
        writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(FIRST), FIRST.encode()))

    stage.provider.respond = respond
    agent = await stage.inside()
    await agent.send(ask())
    await agent.until(b"begin")
    assert await keys.rejected(await keys.key())  # expired and renewed meanwhile
    go_on.set()
    await agent.until(b"0\r\n\r\n")
    assert FIRST.encode() not in agent.received
    assert SENTINEL.encode()[: len(FIRST)] in agent.received
    stage.provider.respond = accepting(SECOND, extra=f" {FIRST} {SECOND}".encode())
    other = await stage.inside()
    response = await other.ask(ask())
    assert FIRST.encode() not in response.body
    assert SECOND.encode() not in response.body


async def test_no_valid_log_in_is_said_to_the_agent_and_may_be_tried_again(build: Build) -> None:
    keys = Keys(FIRST)
    stage = await build(key=keys)
    keys.trouble = UserFacingError("Anthropic does not accept the log-in any more.", "Log in.")
    agent = await stage.inside()
    response = await agent.ask(ask())
    assert response.status == 502
    assert b"does not accept the log-in any more" in response.body
    assert response.header("x-should-retry") != "false"
    assert stage.provider.heads == []
    keys.trouble = None
    agent = await stage.inside()
    assert (await agent.ask(ask())).status == 200


async def test_an_agent_that_leaves_while_it_is_asked_again(build: Build) -> None:
    stage = await build(key=Keys(FIRST, SECOND))
    stage.provider.respond = accepting(SECOND)
    for _ in range(10):
        agent = await stage.inside()
        await agent.send(ask())
        agent.writer.close()
    assert (await (await stage.inside()).ask(ask())).status == 200
    await stage.over(11)


async def test_the_account_is_ours_to_name(build: Build) -> None:
    stage = await build(of=CHATGPT, key=Keys(FIRST, account="the-real-account"))
    agent: Agent = await stage.inside("chatgpt.com")
    lines = [
        "POST /backend-api/codex/responses HTTP/1.1",
        "Host: chatgpt.com",
        f"Authorization: Bearer {SENTINEL}",
        "ChatGPT-Account-ID: another-account",
        "Content-Type: application/json",
        'Content-Length: 26\r\n\r\n{"model": "m", "input": []}'.replace("26", "27"),
    ]
    assert (await agent.ask("\r\n".join(lines).encode())).status == 200
    head = stage.provider.heads[0].lower()
    assert b"chatgpt-account-id: the-real-account" in head
    assert b"another-account" not in head
    assert ANTHROPIC.account_header == ""
