"""Reading a body strictly: one reading, or none."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ironcurtain_tui.providers.body import MAX_DEPTH, MAX_PARTS, Malformed, parse, serialise

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
OBJECTS = st.dictionaries(st.text(max_size=8), VALUES, max_size=5)


@given(OBJECTS, st.booleans())
def test_what_json_says_is_read(document: dict[str, object], ascii_only: bool) -> None:
    spelled = json.dumps(document, ensure_ascii=ascii_only)
    assert parse(spelled.encode("utf-8", "surrogatepass" if ascii_only else "strict")) == document


@given(OBJECTS)
def test_what_is_changed_is_written_as_it_was_read(document: dict[str, object]) -> None:
    assert parse(serialise(document)) == document


@given(st.binary(max_size=200))
@example(b'{"a":"\\"')
@example(b'{"a":"\\\\"}')
@example(b'{"a":"[[[[\\"{{"}')
def test_anything_is_read_or_refused(body: bytes) -> None:
    try:
        document = parse(body)
    except Malformed:
        return
    assert json.loads(body.decode()) == document


@given(OBJECTS, st.text(max_size=8), VALUES, VALUES)
def test_a_name_twice_is_refused_at_any_depth(
    document: dict[str, object], name: str, one: object, other: object
) -> None:
    twice = f"{{{json.dumps(name)}:{json.dumps(one)},{json.dumps(name)}:{json.dumps(other)}}}"
    document["inside"] = ["PLACE"]
    with pytest.raises(Malformed, match="twice"):
        parse(json.dumps(document).replace('"PLACE"', twice).encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"x"',
        b'{"a":1}{"a":2}',
        b'{"a":1} x',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":01}',
        b'{"a":"\x01"}',
        b'{"a":"\n"}',
        b'{"a":"\\x41"}',
        b'{"a":"\xff"}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b'{"a":1}\x00',
        b'{/*c*/"a":1}',
        b'{"a":1}//c',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"model":"x","m\\u006fdel":"y"}',
    ],
)
def test_what_parsers_could_differ_about_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse(body)


def test_depth_and_number_of_parts_are_bounded_before_anything_is_read() -> None:
    deep = MAX_DEPTH - 1
    assert parse(b'{"a":' + b"[" * deep + b"]" * deep + b"}")
    with pytest.raises(Malformed, match="nested"):
        parse(b'{"a":' + b"[" * (deep + 1) + b"]" * (deep + 1) + b"}")
    with pytest.raises(Malformed, match="parts"):
        parse(b'{"a":[' + b"[]," * MAX_PARTS + b"[]]}")
    with pytest.raises(Malformed, match="parts"):
        parse(b'{"a":[' + b"0.1," * (MAX_PARTS + 1) + b"0]}")
    with pytest.raises(Malformed, match="parts"):
        parse(b'{"a":[' + b'"":' * (2 * MAX_PARTS) + b'""]}')
    text = '[{"' * 500
    assert parse(json.dumps({"a": text, text: 1}).encode()) == {"a": text, text: 1}
