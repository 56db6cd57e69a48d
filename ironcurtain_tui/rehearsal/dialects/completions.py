"""OpenAI's Chat Completions API, which many others speak, too.

Sources: https://platform.openai.com/docs/api-reference/chat and .../chat-streaming.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from ironcurtain_tui.rehearsal.conversation import Result, Said, Tool, conversation
from ironcurtain_tui.rehearsal.dialects.openai import error
from ironcurtain_tui.rehearsal.script import Say
from ironcurtain_tui.rehearsal.wire import Asked, Form, Reply, as_json, as_text, event, words

PATHS = ("/v1/chat/completions", "/api/v1/chat/completions")


class Part(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[Part, ...] | None = None


class Function(msgspec.Struct, frozen=True):
    name: str = ""
    parameters: dict[str, object] | None = None


class OfferedTool(msgspec.Struct, frozen=True):
    function: Function = Function()


class Request(msgspec.Struct, frozen=True):
    """The body, members left out that are not read."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[OfferedTool, ...] | None = ()
    stream: bool | None = False
    response_format: dict[str, object] | None = None


class Completions:
    """See the module."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Request)

    def serves(self, path: str) -> bool:
        return path in PATHS

    def read(self, path: str, body: bytes) -> Asked:  # noqa: ARG002 -- all is in the body
        request = self._decoder.decode(body)
        tools = [Tool(tool.function.name, tool.function.parameters or {}) for tool in request.tools or ()]
        return Asked(
            request.model,
            conversation(
                (_said(message) for message in request.messages),
                tools,
                schema=_schema(request.response_format),
                aside=not tools and any(message.role in {"system", "developer"} for message in request.messages),
            ),
            Form.STREAM if request.stream else Form.WHOLE,
        )

    def whole(self, reply: Reply) -> bytes:
        said = "".join(block.text for block in reply.turn.blocks if isinstance(block, Say))
        message: dict[str, object] = {"role": "assistant", "content": said or None}
        if calls := [_call(reply, index, arguments=text) for index, text in _uses(reply)]:
            message["tool_calls"] = calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(reply)}
        return as_json(_envelope(reply, "chat.completion") | {"choices": [choice], "usage": _usage(reply)})

    def streamed(self, reply: Reply) -> Iterator[bytes]:
        def chunk(delta: dict[str, object], finish_reason: str | None = None) -> bytes:
            choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
            return event(_envelope(reply, "chat.completion.chunk") | {"choices": [choice], "usage": None})

        yield chunk({"role": "assistant", "content": ""})
        for block in reply.turn.blocks:
            if isinstance(block, Say):
                for word in words(block.text):
                    yield chunk({"content": word})
        for place, (index, text) in enumerate(_uses(reply)):
            yield chunk({"tool_calls": [{"index": place, **_call(reply, index, arguments="")}]})
            for piece in words(text):
                yield chunk({"tool_calls": [{"index": place, "function": {"arguments": piece}}]})
        yield chunk({}, _finish_reason(reply))
        # Only asked for by ``stream_options.include_usage``; who did not ask passes over it.
        yield event(_envelope(reply, "chat.completion.chunk") | {"choices": [], "usage": _usage(reply)})
        yield b"data: [DONE]\n\n"

    def token_count(self, count: int) -> bytes:
        return as_json({"input_tokens": count})

    def error(self, status: int, message: str) -> bytes:
        return error(status, message)


def _said(message: Message) -> Iterator[Said]:
    content = message.content or ""
    texts = [content] if isinstance(content, str) else [part.text for part in content]
    if message.role == "tool":
        yield Said(result=Result("\n".join(texts)))
    elif message.role == "user":
        yield from map(Said, texts)


def _schema(form: dict[str, object] | None) -> object:
    match form:
        case {"json_schema": {"schema": schema}}:
            return schema
        case _:
            return None


def _uses(reply: Reply) -> list[tuple[int, str]]:
    """Place among the blocks and arguments of every tool's use."""
    return [
        (index, as_text(block.arguments)) for index, block in enumerate(reply.turn.blocks) if not isinstance(block, Say)
    ]


def _call(reply: Reply, index: int, *, arguments: str) -> dict[str, object]:
    block = reply.turn.blocks[index]
    name = "" if isinstance(block, Say) else block.tool
    return {
        "id": f"call_{index:02}{reply.id[:22]}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.uses_tools else "stop"


def _envelope(reply: Reply, kind: str) -> dict[str, object]:
    return {"id": f"chatcmpl-{reply.id[:29]}", "object": kind, "created": 0, "model": reply.model}


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
