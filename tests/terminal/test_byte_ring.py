"""The tail of the agent's output."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.terminal.byte_ring import ByteRing


def test_keeps_all_while_it_is_little() -> None:
    ring = ByteRing(limit=10)
    ring.append(b"\x9fhalf a character")
    assert ring.complete
    assert ring.tail() == b"\x9fhalf a character"


def test_a_cut_tail_starts_at_a_line_or_a_sequence() -> None:
    ring = ByteRing(limit=10)
    ring.append(b"x" * 30 + b"\n")
    ring.append("漢31mx\nrest\x1b[1m".encode())
    assert not ring.complete
    assert ring.tail() == b"rest\x1b[1m"


@given(st.lists(st.binary(max_size=30), max_size=40))
def test_memory_is_bounded_and_the_end_is_always_there(chunks: list[bytes]) -> None:
    ring = ByteRing(limit=16)
    for chunk in chunks:
        ring.append(chunk)
        assert len(ring.tail()) <= 32
    assert b"".join(chunks).endswith(ring.tail())
