from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.providers.base import ModelEndpoint
from ironcurtain_tui.providers.cost import cost_usd
from ironcurtain_tui.providers.messages import COUNT_TOKENS, MESSAGES, error_body

usage_tap = MESSAGES.usage_tap

STREAM = (
    b'event: message_start\r\ndata: {"type":"message_start","message":{"id":"m","model":"claude-x","usage":'
    b'{"input_tokens":12,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}}}\r\n\r\n'
    b"event: content_block_delta\r\n"
    b'data: {"type":"content_block_delta","delta":{"text":"\\"usage\\": \xc3\xa9"}}\r\n\r\n'
    b'event: ping\r\ndata: not json with "usage"\r\n\r\n'
    b'data: {"type":"message_delta","usage":{"output_tokens":20}}\n\n'
    b'data: {"type":"message_delta","usage":{"output_tokens":56,"input_tokens":null}}\n\n'
)
COUNTED = Usage(model="claude-x", input_tokens=12, output_tokens=56, cache_read_tokens=4, cache_write_tokens=3)


@given(st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_a_stream_is_counted_however_it_is_cut(cuts: list[int]) -> None:
    tap = usage_tap("text/event-stream; charset=utf-8")
    assert tap is not None
    edges = [0, *sorted(cuts), len(STREAM)]
    for start, end in pairwise(edges):
        tap.feed(STREAM[start:end])
    tap.end()
    assert tap.usage == COUNTED


def test_a_stream_that_breaks_off_keeps_what_it_told() -> None:
    tap = usage_tap("text/event-stream")
    assert tap is not None
    assert tap.usage is None
    tap.feed(STREAM[: STREAM.index(b"event: ping")])
    assert tap.usage is not None
    assert (tap.usage.input_tokens, tap.usage.output_tokens) == (12, 1)


def test_an_endless_line_is_skipped_and_forgotten() -> None:
    tap = usage_tap("text/event-stream")
    assert tap is not None
    for _ in range(40):
        tap.feed(b'data: {"usage"' + b"x" * 100_000)
    tap.feed(b"\n" + STREAM)
    assert tap.usage == COUNTED


def test_a_document_is_counted() -> None:
    tap = usage_tap("application/json")
    assert tap is not None
    document = b'{"type":"message","model":"claude-x","usage":{"input_tokens":5,"output_tokens":6}}'
    tap.feed(document[:20])
    tap.feed(document[20:])
    tap.end()
    assert tap.usage == Usage(model="claude-x", input_tokens=5, output_tokens=6)


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"nonsense", b'{"usage":5}', b'{"usage":{"input_tokens":"x"}}', b"\xff"]
)
def test_what_is_no_message_is_not_counted(document: bytes) -> None:
    tap = usage_tap("application/json")
    assert tap is not None
    tap.feed(document)
    tap.end()
    assert tap.usage is None


def test_other_content_is_not_tapped() -> None:
    assert usage_tap("text/html") is None
    assert usage_tap("") is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (426, "invalid_request_error"),
        (502, "api_error"),
    ],
)
def test_errors_have_the_form_of_the_api(status: int, kind: str) -> None:
    assert msgspec.json.decode(error_body(status, 'say "no" \x1b')) == {
        "type": "error",
        "error": {"type": kind, "message": 'say "no" \x1b'},
    }


def test_the_table() -> None:
    assert PROVIDERS["anthropic"] is ANTHROPIC
    host = ANTHROPIC.hosts[0]
    assert host.name == "api.anthropic.com"
    assert [place.value("k") for place in host.credentials] == [b"k", b"Bearer k"]
    endpoint = host.endpoint("POST", "/v1/messages")
    assert isinstance(endpoint, ModelEndpoint)
    assert endpoint.speaks is MESSAGES
    assert COUNT_TOKENS.usage_tap("application/json") is None
    sent = {each.path for each in host.endpoints if each.answer is None}
    assert sent == {"/v1/messages", "/v1/messages/count_tokens", "/v1/models"}
    assert all(each.answer == 404 for each in host.endpoints if each.path not in sent)


def test_a_log_in_opens_it_by_a_bearer_token_only() -> None:
    by_login = ANTHROPIC.login
    assert by_login is not None
    assert by_login.name == ANTHROPIC.name
    assert [place.value("k") for place in by_login.hosts[0].credentials] == [b"Bearer k"]
    assert by_login.hosts[0].endpoints == ANTHROPIC.hosts[0].endpoints


def test_cost_counts_cached_tokens_at_their_own_price() -> None:
    plain = cost_usd("anthropic", Usage(model="claude-sonnet-4-5", input_tokens=1000, output_tokens=100))
    cached = cost_usd("anthropic", Usage(model="claude-sonnet-4-5", cache_read_tokens=1000, output_tokens=100))
    assert plain is not None
    assert cached is not None
    assert 0 < cached < plain


def test_an_unknown_model_has_no_cost() -> None:
    assert cost_usd("anthropic", Usage(model="claude-of-our-dreams-0", input_tokens=1)) is None
    assert cost_usd("nobody", Usage(model="x")) is None
