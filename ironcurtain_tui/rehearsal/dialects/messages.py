"""Anthropic's Messages API.

Sources: https://docs.anthropic.com/en/api/messages, .../messages-streaming, .../messages-count-tokens and .../errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from ironcurtain_tui.rehearsal.conversation import Result, Said, Tool, conversation
from ironcurtain_tui.rehearsal.script import Say
from ironcurtain_tui.rehearsal.wire import Asked, Form, Reply, as_json, as_text, event, words

PATHS = ("/v1/messages", "/v1/messages/count_tokens", "/api/v1/messages", "/api/v1/messages/count_tokens")
"""The last two are OpenRouter's."""
_ERROR_TYPES = {
    401: "authentication_error",
    404: "not_found_error",
    413: "request_too_large",
}


class Block(msgspec.Struct, frozen=True):
    """A content block: text, a tool's use or its result, or something this script does not read."""

    type: str
    text: str = ""
    content: str | tuple[Block, ...] | None = None
    is_error: bool | None = None


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[Block, ...]


class OfferedTool(msgspec.Struct, frozen=True):
    name: str = ""
    input_schema: dict[str, object] = {}


class Request(msgspec.Struct, frozen=True):
    """The body, members left out that are not read."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...] = ()
    system: str | tuple[Block, ...] | None = None
    stream: bool = False
    max_tokens: int | None = None
    output_config: dict[str, object] | None = None


class Messages:
    """See the module."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Request)

    def serves(self, path: str) -> bool:
        return path in PATHS

    def read(self, path: str, body: bytes) -> Asked:
        request = self._decoder.decode(body)
        form = Form.COUNT if path.endswith("/count_tokens") else Form.STREAM if request.stream else Form.WHOLE
        return Asked(
            request.model,
            conversation(
                (_said(message.content) for message in request.messages if message.role == "user"),
                (Tool(tool.name, tool.input_schema) for tool in request.tools),
                schema=_schema(request.output_config),
                aside=(not request.tools and request.system is not None) or request.max_tokens == 1,
            ),
            form,
        )

    def whole(self, reply: Reply) -> bytes:
        content = [
            {"type": "text", "text": block.text}
            if isinstance(block, Say)
            else {"type": "tool_use", "id": _tool_id(reply, index), "name": block.tool, "input": block.arguments}
            for index, block in enumerate(reply.turn.blocks)
        ]
        return as_json(
            _message(reply)
            | {
                "content": content,
                "stop_reason": _stop_reason(reply),
                "usage": _usage(reply.input_tokens, reply.output_tokens),
            }
        )

    def streamed(self, reply: Reply) -> Iterator[bytes]:
        yield _event("message_start", message=_message(reply) | {"usage": _usage(reply.input_tokens, 1)})
        for index, block in enumerate(reply.turn.blocks):
            if isinstance(block, Say):
                opened: dict[str, object] = {"type": "text", "text": ""}
                deltas = [{"type": "text_delta", "text": word} for word in words(block.text)]
            else:
                opened = {"type": "tool_use", "id": _tool_id(reply, index), "name": block.tool, "input": {}}
                pieces = ["", *words(as_text(block.arguments))]
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
            yield _event("content_block_start", index=index, content_block=opened)
            if index == 0:
                yield _event("ping")
            for delta in deltas:
                yield _event("content_block_delta", index=index, delta=delta)
            yield _event("content_block_stop", index=index)
        yield _event(
            "message_delta",
            delta={"stop_reason": _stop_reason(reply), "stop_sequence": None},
            usage=_usage(reply.input_tokens, reply.output_tokens),
        )
        yield _event("message_stop")

    def token_count(self, count: int) -> bytes:
        return as_json({"input_tokens": count})

    def error(self, status: int, message: str) -> bytes:
        kind = _ERROR_TYPES.get(status, "invalid_request_error")
        return as_json({"type": "error", "error": {"type": kind, "message": message}})


def _said(content: str | tuple[Block, ...]) -> Iterator[Said]:
    for block in _blocks(content):
        if block.type == "tool_result":
            yield Said(result=Result(_text(_blocks(block.content or "")), bool(block.is_error)))
        elif block.type == "text":
            yield Said(block.text)


def _blocks(content: str | tuple[Block, ...]) -> tuple[Block, ...]:
    return (Block(type="text", text=content),) if isinstance(content, str) else content


def _text(blocks: Iterable[Block]) -> str:
    return "\n".join(block.text for block in blocks if block.type == "text")


def _schema(output: dict[str, object] | None) -> object:
    match output:
        case {"format": {"schema": schema}}:
            return schema
        case _:
            return None


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


def _stop_reason(reply: Reply) -> str:
    return "tool_use" if reply.uses_tools else "end_turn"


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
    return event({"type": name, **members}, name)
