"""The chain: whatever is written verifies, whatever is changed afterwards is found, at its place."""

import hashlib
import json
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ironcurtain_tui.audit import chain
from ironcurtain_tui.audit.chain import Entry, Head, canonical, link, parse, start
from ironcurtain_tui.events import Decision
from tests.whole_log import Verification, verify

SESSION = "0123456789ab"


def entry(summary: str = "something", **data: object) -> Entry:
    return Entry(time_us=1_790_000_000_123_456, mono_us=42, kind="test.happened", summary=summary, data=data)


def written(*entries: Entry, session: str = SESSION) -> list[bytes]:
    head: Head = start(session)
    lines = []
    for one in entries:
        line, head = link(head, one)
        lines.append(line)
    return lines


LOG = written(*(entry(f"event {number}", number=number) for number in range(1, 8)))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec=None)), inner),
    max_leaves=20,
)


@given(
    st.lists(
        st.builds(
            Entry,
            time_us=st.integers(min_value=0, max_value=2**53),
            mono_us=st.integers(min_value=0, max_value=2**53),
            kind=st.text(),
            summary=st.text(st.characters(codec=None)),
            decision=st.none() | st.sampled_from(Decision),
            data=st.dictionaries(st.text(st.characters(codec=None)), json_values),
        ),
        max_size=6,
    )
)
@settings(max_examples=40)
def test_what_is_written_verifies_and_reads_back(entries: list[Entry]) -> None:
    lines = written(*entries)
    assert verify(lines, SESSION) == Verification(True, len(entries))
    for number, (line, one) in enumerate(zip(lines, entries, strict=True), 1):
        assert line.count(b"\n") == 1
        record = parse(line)
        assert (record.seq, record.session, record.kind, record.decision) == (number, SESSION, one.kind, one.decision)
        assert (record.time_us, record.mono_us) == (one.time_us, one.mono_us)
        assert canonical(record.data) == canonical(one.data)


@given(json_values)
def test_canonical_json_is_a_fixed_point_and_plain_json(value: object) -> None:
    try:
        text = canonical(value)
    except TypeError:
        assert "\\ud" in json.dumps(value), "only names with lone surrogates may be refused"
        return
    assert canonical(json.loads(text)) == text


def test_canonical_json_has_one_spelling() -> None:
    assert canonical({"b": 1, "a": [True, None, "ü\n\x1b"]}) == '{"a":[true,null,"ü\\n\\u001b"],"b":1}'.encode()
    assert canonical({"b": float("nan"), "a": "\ud800x"}) == '{"a":"\ufffdx","b":"nan"}'.encode()
    assert canonical("\ud83d\ude00") == '"\U0001f600"'.encode()
    with pytest.raises(TypeError, match="told apart"):
        canonical({chr(0xD800): 1, chr(0xD801): 2})
    with pytest.raises(TypeError):
        canonical({"secret": b"bytes"})


def test_a_stranger_can_verify_it_from_the_documentation_alone() -> None:
    """The algorithm of the module's docstring, in nothing but the standard library."""
    previous = hashlib.sha256(f"ironcurtain-tui audit v1\n{SESSION}".encode()).hexdigest()
    for number, line in enumerate(b"".join(LOG).splitlines(), 1):
        record = json.loads(line)
        assert hashlib.sha256(line[:-75] + b"}").hexdigest() == record["hash"]
        assert (record["prev"], record["seq"], record["session"]) == (previous, number, SESSION)
        previous = record["hash"]


def relinked(lines: list[bytes], session: str) -> list[bytes]:
    return written(*(entry(parse(line).summary, **parse(line).data) for line in lines), session=session)


OTHER = relinked(LOG, "ba9876543210")


@pytest.mark.parametrize(
    ("lines", "broken_at", "reason"),
    [
        pytest.param([*LOG[:3], LOG[3].replace(b"event 4", b"event 5"), *LOG[4:]], 4, "content", id="changed"),
        pytest.param([*LOG[:3], LOG[3].replace(b'"kind":"', b'"kind": "'), *LOG[4:]], 4, "content", id="respelled"),
        pytest.param([*LOG[:3], *LOG[4:]], 4, "missing or moved", id="dropped"),
        pytest.param(LOG[1:], 1, "missing or moved", id="first dropped"),
        pytest.param([*LOG[:2], LOG[3], LOG[2], *LOG[4:]], 3, "missing or moved", id="swapped"),
        pytest.param([*LOG[:3], LOG[2], *LOG[3:]], 4, "missing or moved", id="repeated"),
        pytest.param([*LOG[:3], *written(entry()), *LOG[3:]], 4, "missing or moved", id="inserted"),
        pytest.param([*LOG[:3], LOG[3][:40] + b"\n", *LOG[4:]], 4, "not a record", id="truncated in the middle"),
        pytest.param([*LOG[:3], b"\n", *LOG[3:]], 4, "not a record", id="empty line"),
        pytest.param([*LOG[:3], OTHER[3], *LOG[4:]], 4, "belongs to session", id="from another session"),
        pytest.param(OTHER, 1, "belongs to session", id="another session's log"),
        pytest.param([*LOG[:3], b"\xff\xfe" + LOG[3], *LOG[4:]], 4, "not a record", id="not UTF-8"),
        pytest.param([LOG[0].replace(b'"v":1', b'"v":2')], 1, "content", id="version changed"),
    ],
)
def test_tampering_is_found_at_its_place(lines: list[bytes], broken_at: int, reason: str) -> None:
    result = verify(lines, SESSION)
    assert (result.ok, result.records, result.broken_at) == (False, broken_at - 1, broken_at)
    assert reason in result.reason


def test_a_rehashed_change_is_found_at_the_next_record() -> None:
    forged, _ = link(chain.advance(start(SESSION), LOG[0]), entry(summary="forged"))
    result = verify([LOG[0], forged, *LOG[2:]], SESSION)
    assert (result.broken_at, result.records) == (3, 2)
    assert "does not follow" in result.reason


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: st.DataObject) -> None:
    text = bytearray(b"".join(LOG))
    position = data.draw(st.integers(0, len(text) - 2))
    text[position] = data.draw(st.integers(0, 255).filter(lambda byte: byte != text[position]))
    result = verify(BytesIO(text), SESSION)
    assert not result.ok
    assert result.broken_at is not None
    assert result.broken_at <= bytes(text[: position + 1]).count(b"\n") + 1


def test_an_unfinished_last_line_is_counted_not_judged() -> None:
    assert verify([*LOG[:3], LOG[3][:-1]], SESSION) == Verification(True, 3, torn=len(LOG[3]) - 1)


def test_the_first_record_names_the_session_when_nobody_else_does(tmp_path: Path) -> None:
    assert verify(OTHER) == Verification(True, len(OTHER))
    mixed = verify([LOG[0], OTHER[1]])
    assert (mixed.ok, mixed.broken_at) == (False, 2)
