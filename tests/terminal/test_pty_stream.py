"""The raw byte stream of the agent's terminal."""

from __future__ import annotations

import asyncio
import socket

from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.terminal.pty_stream import UNSENT_LIMIT, PtyStream
from tests.waiting import until


async def ignore(_data: bytes) -> None: ...


async def test_output_arrives_whole_and_in_order_then_the_end() -> None:
    ours, theirs = socket.socketpair()
    received = bytearray()
    ends: list[OSError | None] = []

    async def take(data: bytes) -> None:
        received.extend(data)

    stream = PtyStream(ours, take, ends.append)
    sent = b"".join(b"%d\r\n" % number for number in range(100_000))

    def write() -> None:
        theirs.sendall(sent)
        theirs.close()

    await asyncio.gather(stream.run(), asyncio.to_thread(write))
    assert bytes(received) == sent
    assert ends == [None]
    assert stream.traffic.received == len(sent)


async def test_a_slow_reader_stops_the_agent_instead_of_filling_memory() -> None:
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    going_on = asyncio.Event()
    taken = 0

    async def take(data: bytes) -> None:
        nonlocal taken
        taken += len(data)
        await going_on.wait()

    stream = PtyStream(ours, take, lambda _error: None)
    tasks = TaskOwner()
    tasks.start(stream.run(), "stream")
    written, stuck = 0, 0
    while stuck < 50:
        try:
            written += theirs.send(b"x" * 65_536)
            stuck = 0
        except BlockingIOError:
            stuck += 1
            await asyncio.sleep(0.002)
    assert taken < 1 << 20, "one batch was handed on, the rest waits in the kernel"
    assert written < 4 << 20
    before = stream.traffic.waited
    going_on.set()
    theirs.close()
    await until(lambda: taken == written)
    assert stream.traffic.waited > before, "the wait was measured"
    await tasks.close()
    stream.close()


async def test_input_waits_for_a_slow_agent_and_then_arrives_whole() -> None:
    ours, theirs = socket.socketpair()
    stream = PtyStream(ours, ignore, lambda _error: None)
    sent = bytes(range(256)) * 900
    for start in range(0, len(sent), 1_000):
        assert stream.write(sent[start : start + 1_000])
    received = bytearray()
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    while len(received) < len(sent):
        received += await loop.sock_recv(theirs, 65_536)
    assert bytes(received) == sent
    assert stream.traffic.sent == len(sent)
    stream.close()
    theirs.close()


async def test_input_an_agent_never_reads_is_dropped_at_a_limit() -> None:
    ours, theirs = socket.socketpair()
    stream = PtyStream(ours, ignore, lambda _error: None)
    accepted = sum(stream.write(b"x" * 10_000) for _ in range(500))
    assert 10_000 * accepted < UNSENT_LIMIT + (4 << 20)
    assert stream.traffic.dropped == 10_000 * (500 - accepted)
    assert stream.traffic.dropped > 0
    stream.close()
    assert not stream.write(b"x")
    theirs.close()


async def test_a_reset_connection_is_reported_as_an_end() -> None:
    ours, theirs = socket.socketpair()
    ends: list[OSError | None] = []
    stream = PtyStream(ours, ignore, ends.append)
    stream.write(b"unread")
    theirs.close()  # with data unread: ECONNRESET for us
    await stream.run()
    assert len(ends) == 1
    assert stream.write(b"x") is False
