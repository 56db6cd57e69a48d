"""Doors made of TCP ports, and what their token keeps out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from ironcurtain_tui import listener
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.listener import HeldListener, TcpListener, TokenListener
from tests.waiting import PATIENCE, until

TOKEN = "t0ken"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A door with a token; behind it, an echo in capitals."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        await writer.drain()
        writer.close()

    tcp = TcpListener("127.0.0.1")
    door = TokenListener(tcp, TOKEN)
    await door.open(echo)
    yield tcp.port
    door.close()


async def answer(port: int, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), PATIENCE)
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def test_who_shows_the_token_gets_through_and_the_token_does_not(port: int) -> None:
    assert await answer(port, b"t0ken\nhello\n") == b"HELLO\n"
    assert await answer(port, b"t0ken\r\nhello\n") == b"HELLO\n"


@pytest.mark.parametrize(
    "sent", [b"hello\n", b"t0ke\nhello\n", b"t0kenx\nhello\n", b" t0ken\nhello\n", b"\nt0ken\n", b"x" * 70000 + b"\n"]
)
async def test_nobody_else_does(port: int, sent: bytes) -> None:
    assert await answer(port, sent) == b""


async def test_small_pieces_are_sent_at_once() -> None:
    at_once: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def look(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_once.set_result(writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    door = TcpListener("127.0.0.1")
    await door.open(look)
    assert await answer(door.port, b"") == b""
    assert await at_once
    door.close()


async def test_who_says_nothing_is_not_waited_for(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "GREETING_SECONDS", 0.05)
    assert await answer(port, b"t0ken without an end") == b""


@pytest.mark.parametrize("address", ["0.0.0.0", "::"])  # noqa: S104 (refused)
def test_a_door_is_never_open_on_every_address(address: str) -> None:
    with pytest.raises(ValueError, match="every address"):
        TcpListener(address)


def test_an_address_the_host_does_not_have_is_explained() -> None:
    with pytest.raises(UserFacingError, match=r"Cannot listen on 192\.0\.2\.7"):
        TcpListener("192.0.2.7")


async def test_a_port_is_taken_at_once_and_given_back() -> None:
    door = TcpListener("127.0.0.1")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", door.port)
    await door.open(lambda *_: asyncio.sleep(0))
    _, writer = await asyncio.open_connection("127.0.0.1", door.port)
    writer.close()
    door.close()
    door.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", door.port)


async def test_who_comes_early_is_served_later() -> None:
    tcp = TcpListener("127.0.0.1")
    door = HeldListener(tcp)
    await door.hold()
    early = asyncio.gather(*(answer(tcp.port, b"hello\n") for _ in range(3)))
    await asyncio.sleep(0.1)
    assert not early.done()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.readline()).upper())
        writer.close()

    await door.open(echo)
    assert await early == [b"HELLO\n"] * 3
    assert await answer(tcp.port, b"late\n") == b"LATE\n"
    door.close()


async def test_who_waits_at_a_door_that_is_closed_is_sent_away() -> None:
    tcp = TcpListener("127.0.0.1")
    door = HeldListener(tcp)
    await door.hold()
    before = asyncio.all_tasks()
    reader, writer = await asyncio.open_connection("127.0.0.1", tcp.port)
    await until(lambda: asyncio.all_tasks() - before)  # it has been let in, and waits
    door.close()
    assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
    writer.close()


async def test_a_held_door_serves_lines_of_the_length_it_was_made_for() -> None:
    door = HeldListener(TcpListener("127.0.0.1"), 1000)
    with pytest.raises(ValueError, match="not held"):
        await door.open(lambda _reader, _writer: asyncio.sleep(0), limit=1000)
    await door.hold()
    with pytest.raises(ValueError, match="another length"):
        await door.open(lambda _reader, _writer: asyncio.sleep(0))
    door.close()
