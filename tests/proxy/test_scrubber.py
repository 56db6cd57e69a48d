from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.proxy.scrubber import Scrubber

SECRETS = st.text(alphabet="ab", min_size=1, max_size=6)
DATA = st.text(alphabet="abc", max_size=60)


def scrub(secret: str, sentinel: str, pieces: list[bytes]) -> bytes:
    scrubber = Scrubber(secret, sentinel)
    return b"".join([*(scrubber.feed(piece) for piece in pieces), scrubber.end()])


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(each, len(data)) for each in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@given(SECRETS, DATA, st.lists(st.integers(0, 60), max_size=20))
def test_however_it_is_cut_the_outcome_is_that_of_the_whole(secret: str, data: str, cuts: list[int]) -> None:
    whole = data.encode().replace(secret.encode(), b"X" * len(secret))
    assert scrub(secret, "X" * 10, cut(data.encode(), cuts)) == whole


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=10))
def test_what_holds_no_secret_is_not_changed(data: bytes, cuts: list[int]) -> None:
    if b"secret-key" not in data:
        assert scrub("secret-key", "sentinel", cut(data, cuts)) == data


@given(SECRETS, DATA)
def test_no_more_is_held_back_than_may_begin_the_secret(secret: str, data: str) -> None:
    scrubber = Scrubber(secret, "X" * 10)
    passed = scrubber.feed(data.encode())
    held = len(data) - len(passed)
    assert held < len(secret)
    assert data[len(data) - held :] == secret[:held]


def test_lengths_stay() -> None:
    for sentinel in ("short", "much-longer-than-the-secret"):
        assert len(scrub("secret-key", sentinel, [b"a secret-key b"])) == len(b"a secret-key b")
    assert scrub("secret-key", "short", [b"secret-key"]) == b"short-----"
