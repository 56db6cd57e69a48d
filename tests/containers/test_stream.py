"""Against a small engine of our own, which answers exactly what a test wants, byte by byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.containers.failures import EngineRefusedError, EngineUnavailableError
from ironcurtain_tui.containers.stream import Demultiplexer, open_stream, read_output
from tests.waiting import PATIENCE

Answer = Callable[[bytes], str]
UPGRADED = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"


@pytest.fixture
def engine_that_answers() -> Iterator[Answer]:
    """Starts an engine on loopback that reads one request's head and sends the given bytes; gives its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def answer(data: bytes) -> str:
        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    yield answer
    for thread in threads:
        thread.join()
    listener.close()


def test_bytes_that_come_with_the_head_are_not_lost(engine_that_answers: Answer) -> None:
    address = engine_that_answers(UPGRADED + b"\x1b[2Jfirst bytes")
    with open_stream(address, "/attach", PATIENCE) as stream:
        assert stream.gettimeout() == 0.0
        stream.settimeout(PATIENCE)
        shown = b""
        while chunk := stream.recv(100):
            shown += chunk
    assert shown == b"\x1b[2Jfirst bytes"


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 409 Conflict\r\n\r\n{}", b"", b"garbage", b"x" * 70000, b"HTTP/1.1 101 no end of head"]
)
def test_anything_but_an_upgrade_is_refused(engine_that_answers: Answer, answer: bytes) -> None:
    address = engine_that_answers(answer)
    with pytest.raises((EngineRefusedError, EngineUnavailableError)):
        open_stream(address, "/attach", PATIENCE)


def test_no_engine(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match="There is no Docker Engine"):
        open_stream(f"unix://{tmp_path}/none.sock", "/attach", PATIENCE)


def frame(data: bytes, stream: int = 1) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def test_both_output_streams_are_put_together_however_they_are_cut() -> None:
    sent = frame(b"out") + frame(b"", 2) + frame(b"err", 2) + frame(b"x" * 100_000)
    here, there = socket.socketpair()

    def send() -> None:
        with there:
            for start in range(0, len(sent), 7777):
                there.sendall(sent[start : start + 7777])

    sender = threading.Thread(target=send)
    sender.start()
    with here:
        assert read_output(here, PATIENCE, 10_000) == (b"outerr" + b"x" * 100_000)[:10_000]
    sender.join()


def test_silence_ends_in_time() -> None:
    here, there = socket.socketpair()
    with here, there, pytest.raises(TimeoutError):
        read_output(here, 0.05, 100)


@given(
    st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40))),
    st.lists(st.integers(min_value=1, max_value=9), min_size=1),
)
def test_two_streams_are_taken_apart_wherever_the_bytes_are_cut(
    pieces: list[tuple[int, bytes]], cuts: list[int]
) -> None:
    wire = b"".join(bytes([stream, 0, 0, 0]) + len(data).to_bytes(4, "big") + data for stream, data in pieces)
    streams, told, at = Demultiplexer(), list[tuple[int, bytes]](), 0
    while at < len(wire):
        size = cuts[at % len(cuts)]
        told += streams.feed(wire[at : at + size])
        at += size
    assert told == pieces
