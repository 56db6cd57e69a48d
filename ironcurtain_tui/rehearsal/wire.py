"""How the Messages API puts a turn on the wire, whole or as a stream. Pure.

Sources: https://docs.anthropic.com/en/api/messages, .../messages-streaming and .../errors.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from ironcurtain_tui.rehearsal.script import Say, Turn

CHARACTERS_PER_TOKEN = 4
_WORDS = re.compile(r"\S+\s*|\s+")
_ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "request_too_large",
}


@dataclass(frozen=True)
class Reply:
    """A turn with all that the wire wants to know of it."""

    id: str
    """Hexadecimal digits, another for each request; the identifiers on the wire are made of it."""
    model: str
    turn: Turn
    input_tokens: int

    @property
    def output_tokens(self) -> int:
        return sum(
            tokens(len(block.text if isinstance(block, Say) else json.dumps(block.arguments)))
            for block in self.turn.blocks
        )

    @property
    def stop_reason(self) -> str:
        return "end_turn" if all(isinstance(block, Say) for block in self.turn.blocks) else "tool_use"


def tokens(characters: int) -> int:
    """A guess at the number of tokens; nobody pays by it."""
    return max(1, characters // CHARACTERS_PER_TOKEN)


def error(status: int, message: str) -> bytes:
    """The body of a refusal."""
    return _json({"type": "error", "error": {"type": _ERROR_TYPES[status], "message": message}})


def token_count(count: int) -> bytes:
    """The answer to ``/v1/messages/count_tokens``."""
    return _json({"input_tokens": count})


def whole(reply: Reply) -> bytes:
    """The answer to a request that does not stream."""
    content = [
        {"type": "text", "text": block.text}
        if isinstance(block, Say)
        else {"type": "tool_use", "id": _tool_id(reply, index), "name": block.tool, "input": block.arguments}
        for index, block in enumerate(reply.turn.blocks)
    ]
    return _json(
        _message(reply)
        | {
            "content": content,
            "stop_reason": reply.stop_reason,
            "usage": _usage(reply.input_tokens, reply.output_tokens),
        }
    )


def streamed(reply: Reply) -> Iterator[bytes]:
    """The answer to one that does: server-sent events, one at a time, text word by word."""
    yield _event("message_start", message=_message(reply) | {"usage": _usage(reply.input_tokens, 1)})
    for index, block in enumerate(reply.turn.blocks):
        if isinstance(block, Say):
            opened: dict[str, object] = {"type": "text", "text": ""}
            deltas = [{"type": "text_delta", "text": word} for word in _WORDS.findall(block.text)]
        else:
            opened = {"type": "tool_use", "id": _tool_id(reply, index), "name": block.tool, "input": {}}
            pieces = ["", *_WORDS.findall(json.dumps(block.arguments))]
            deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        yield _event("content_block_start", index=index, content_block=opened)
        if index == 0:
            yield _event("ping")
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    yield _event(
        "message_delta",
        delta={"stop_reason": reply.stop_reason, "stop_sequence": None},
        usage=_usage(reply.input_tokens, reply.output_tokens),
    )
    yield _event("message_stop")


def _message(reply: Reply) -> dict[str, object]:
    return {
        "id": f"msg_{reply.id[:24]}",
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }


def _usage(input_tokens: int, output_tokens: int) -> dict[str, int]:
    return {
        "input_tokens": input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": output_tokens,
    }


def _tool_id(reply: Reply, index: int) -> str:
    return f"toolu_{index:02}{reply.id[:22]}"


def _event(name: str, **members: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), _json({"type": name, **members}))


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
