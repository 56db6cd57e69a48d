"""Bodies as lines."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.traffic.kept import Body, Message
from ironcurtain_tui.ui.body_view import LONGEST_LINE, MOST_LINES, event_stream, indented, lines, summary

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


def shown(text: str, content_type: str = "") -> list[str]:
    return lines(Message(headers=(("Content-Type", content_type),), body=Body(size=len(text), text=text)))


@given(JSON.filter(lambda value: "\\n" not in json.dumps(value)))
def test_json_is_indented_and_stays_the_same_json(value: object) -> None:
    text = json.dumps(value)
    assert json.loads("\n".join(indented(text))) == value
    assert "\n".join(indented(text)).split() == "\n".join(json.dumps(value, indent=2).splitlines()).split()


@given(JSON, st.integers(0, 200))
def test_json_that_is_cut_off_loses_nothing(value: object, at: int) -> None:
    text = json.dumps(value).replace("\\n", "")[:at]
    assert "".join("".join(indented(text)).split()) == "".join(text.split())


def test_json_looks_as_people_write_it() -> None:
    text = '{"model":"m","messages":[{"role":"user","content":"two\\nlines \\"x\\""}],"tools":[],"n":1}'
    assert shown(text, "application/json; charset=utf-8") == [
        "{",
        '  "model": "m",',
        '  "messages": [',
        "    {",
        '      "role": "user",',
        '      "content": "two',
        '        lines "x""',
        "    }",
        "  ],",
        '  "tools": [],',
        '  "n": 1',
        "}",
    ]


def test_an_event_stream_is_put_together() -> None:
    def sse(event: str, data: object) -> str:
        return f"event: {event}\ndata: {json.dumps(data)}\n\n"

    text = "".join(
        [
            sse("message_start", {"type": "message_start"}),
            sse("content_block_delta", {"delta": {"type": "text_delta", "text": "Hello, "}}),
            sse("content_block_delta", {"delta": {"type": "text_delta", "text": "world\n"}}),
            sse("content_block_delta", {"delta": {"partial_json": '{"a"'}}),
            'data: {"choices": [{"delta": {"content": "!"}}]}\n\n',
            'data: {"type": "response.output_text.delta", "delta": "?"}\n\n',
            "data: [DONE]\n\n",
        ]
    )
    found = shown(text, "text/event-stream; charset=utf-8")
    assert found[:3] == ["Hello, world", '{"a"!?', ""]
    assert found[3] == 'message_start  {"type": "message_start"}'
    assert found[-1] == "[DONE]"


def test_what_is_no_stream_is_shown_as_it_is() -> None:
    assert shown('{"type":"error"}\nmore', "text/event-stream") == ['{"type":"error"}', "more"]


@given(st.text(max_size=200))
def test_any_text_is_a_stream_or_json(text: str) -> None:
    for _ in event_stream(text), indented(text):
        assert all(isinstance(line, str) for line in _)


@pytest.mark.parametrize("content", ["{", '"', '"\\', '{"a": "b\\n', "]}", '[{"a":[', '"a\\nb\\u12'])
def test_odd_beginnings(content: str) -> None:
    assert shown(content, "application/json")


def test_bytes_are_hexadecimal() -> None:
    raw = bytes(range(256)) * 3
    found = lines(Message(body=Body(size=768, data=base64.b64encode(raw).decode())))
    assert found[4] == "000040  40 41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f  @ABCDEFGHIJKLMNO"
    assert found[-1] == "… and 256 more bytes"


def test_a_form_is_read() -> None:
    assert shown("a=b+c&d=%C3%A4&e", "application/x-www-form-urlencoded") == ["a = b c", "d = ä", "e = "]


def test_what_is_too_long_is_said() -> None:
    found = shown("x\n" * (MOST_LINES + 5))
    assert len(found) == MOST_LINES + 1
    assert "export" in found[-1]
    assert shown("y" * (LONGEST_LINE + 1234))[0].endswith("… (+1,234 characters)")


def test_the_summary_says_what_is_missing() -> None:
    assert summary(Body()) == "none"
    assert summary(Body(size=2000, text="x" * 10, cut=True)) == "2,000 bytes, only the first 10 are kept"
    assert summary(Body(size=5, missing="too much", coding="br")) == "5 bytes, coded as br, not kept: too much"
