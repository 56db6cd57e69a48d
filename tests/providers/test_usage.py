"""Every wire format tells its tokens in its own words; they come to the same, however the stream is cut."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.chat_completions import CHAT_COMPLETIONS
from ironcurtain_tui.providers.generate_content import COUNT_TOKENS, GENERATE_CONTENT
from ironcurtain_tui.providers.messages import MESSAGES
from ironcurtain_tui.providers.responses import RESPONSES

COUNTED = Usage(model="modèl-x", input_tokens=7, output_tokens=20, cache_read_tokens=4, cache_write_tokens=1)

CHAT_COUNTS = {
    "prompt_tokens": 12,
    "completion_tokens": 20,
    "total_tokens": 32,
    "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 15},
    "cost": 0.25,
}
RESPONSE_COUNTS = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 1},
    "output_tokens": 20,
    "output_tokens_details": {"reasoning_tokens": 15},
}


def events(*documents: object) -> bytes:
    return b"".join(
        b"event: x\r\ndata: " + json.dumps(each, ensure_ascii=False).encode() + b"\r\n\r\n" for each in documents
    )


CHAT = (
    events(
        {"model": "modèl-x", "choices": [{"delta": {"content": 'é "usage" 🦀'}}], "usage": None},
        {"model": "modèl-x", "choices": [], "usage": CHAT_COUNTS},
    )
    + b"data: [DONE]\n\n"
)
RESPONSE = events(
    {"type": "response.created", "response": {"model": "modèl-x", "usage": None}},
    {"type": "response.output_text.delta", "delta": 'é "usage" 🦀'},
    {"type": "response.completed", "response": {"model": "modèl-x", "output": [{"x": "é"}], "usage": RESPONSE_COUNTS}},
)
CHUNKS = [
    {"candidates": [{"content": {"parts": [{"text": 'é "usageMetadata"'}]}}], "modelVersion": "modèl-x"},
    {"usageMetadata": {"promptTokenCount": 10, "totalTokenCount": 10}, "modelVersion": "modèl-x"},
    {
        "usageMetadata": {
            "promptTokenCount": 10,
            "cachedContentTokenCount": 4,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 15,
            "toolUsePromptTokenCount": 1,
        },
        "modelVersion": "modèl-x",
    },
]
GEMINI = Usage(model="modèl-x", input_tokens=7, output_tokens=20, cache_read_tokens=4)
STREAMS = [
    (CHAT_COMPLETIONS, CHAT, COUNTED, 0.25),
    (RESPONSES, RESPONSE, COUNTED, None),
    (GENERATE_CONTENT, events(*CHUNKS), GEMINI, None),
]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 2000), max_size=40))
def test_a_stream_is_counted_however_it_is_cut(
    stream: tuple[WireFormat, bytes, Usage, float | None], cuts: list[int]
) -> None:
    """In the middle of a character, too."""
    speaks, data, counted, cost = stream
    tap = speaks.usage_tap("text/event-stream; charset=utf-8")
    assert tap is not None
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        tap.feed(data[start:end])
    tap.end()
    assert (tap.usage, tap.cost_usd) == (counted, cost)


@pytest.mark.parametrize(
    ("speaks", "document", "counted"),
    [
        (CHAT_COMPLETIONS, {"model": "modèl-x", "usage": CHAT_COUNTS}, COUNTED),
        (RESPONSES, {"model": "modèl-x", "object": "response", "usage": RESPONSE_COUNTS}, COUNTED),
        (GENERATE_CONTENT, CHUNKS[-1], GEMINI),
        (GENERATE_CONTENT, CHUNKS, GEMINI),
    ],
)
def test_a_document_is_counted(speaks: WireFormat, document: object, counted: Usage) -> None:
    tap = speaks.usage_tap("application/json; charset=UTF-8")
    assert tap is not None
    data = json.dumps(document, ensure_ascii=False).encode()
    tap.feed(data[:11])
    tap.feed(data[11:])
    tap.end()
    assert tap.usage == counted


@pytest.mark.parametrize("speaks", [MESSAGES, CHAT_COMPLETIONS, RESPONSES, GENERATE_CONTENT])
@pytest.mark.parametrize(
    "document",
    [
        "nonsense",
        "[]",
        "[5]",
        '{"usage":5,"usageMetadata":5}',
        '{"type":"message","usage":{"input_tokens":-5,"prompt_tokens":-5},"usageMetadata":{"promptTokenCount":-5}}',
        '{"type":"message","usage":{"input_tokens":"5","prompt_tokens":1.5},"usageMetadata":{"promptTokenCount":[]}}',
    ],
)
def test_what_cannot_be_is_not_counted(speaks: WireFormat, document: str) -> None:
    for content_type, data in (("application/json", document), ("text/event-stream", f"data: {document}\n\n")):
        tap = speaks.usage_tap(content_type)
        assert tap is not None
        tap.feed(data.encode())
        tap.end()
        assert tap.usage is None
        assert tap.cost_usd is None


def test_counting_tokens_uses_none() -> None:
    assert COUNT_TOKENS.usage_tap("application/json") is None
