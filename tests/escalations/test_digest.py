from __future__ import annotations

import hashlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.escalations import digest
from ironcurtain_tui.escalations.held_request import HeldRequest
from ironcurtain_tui.policy.action import HttpRequest

texts = st.text(max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
calls = st.tuples(texts, texts, st.dictionaries(texts, values, max_size=3))
requests = st.builds(
    lambda method, host, port, target, headers, body: HeldRequest(
        action=HttpRequest(host=host, port=port, method=method, path=target),
        target=target,
        headers=tuple(headers),
        body=body,
    ),
    texts,
    texts,
    st.integers(1, 65535),
    texts,
    st.lists(st.tuples(texts, texts), max_size=3),
    st.binary(max_size=8),
)


@given(calls, calls)
def test_two_calls_have_one_digest_only_if_they_are_the_same(one: tuple, other: tuple) -> None:  # type: ignore[type-arg]
    same = (*one[:2], digest.canonical(one[2])) == (*other[:2], digest.canonical(other[2]))
    assert (digest.of_call(*one) == digest.of_call(*other)) == same


@given(requests, requests)
def test_two_requests_have_one_digest_only_if_they_are_the_same(one: HeldRequest, other: HeldRequest) -> None:
    assert (digest.of_request(one) == digest.of_request(other)) == (one == other)


@given(requests)
def test_every_part_counts(request: HeldRequest) -> None:
    changed = [
        msgspec.structs.replace(request, body=request.body + b"x"),
        msgspec.structs.replace(request, target=request.target + "x"),
        msgspec.structs.replace(request, headers=(*request.headers, ("a", "b"))),
        msgspec.structs.replace(request, action=msgspec.structs.replace(request.action, method="X" + request.target)),
    ]
    for other in changed:
        if other != request:
            assert digest.of_request(other) != digest.of_request(request)


def test_what_python_takes_for_equal_is_not_the_same_call() -> None:
    spellings = [{"a": 1}, {"a": 1.0}, {"a": True}, {"a": "1"}]
    assert len({digest.of_call("s", "t", each) for each in spellings}) == 4  # type: ignore[arg-type]


def test_members_have_no_order_and_lone_surrogates_a_digest() -> None:
    assert digest.of_call("s", "t", {"a": 1, "b": 2}) == digest.of_call("s", "t", {"b": 2, "a": 1})
    assert digest.of_call("s\ud800", "t", {"a": "\udfff"})


def test_the_format_is_as_documented() -> None:
    spelled = b"23:ironcurtain tool call 1" + b"3:git" + b"4:push" + b'17:{"remote":"here"}'
    assert digest.of_call("git", "push", {"remote": "here"}) == hashlib.sha256(spelled).hexdigest()
