"""OpenAI's Responses API, with the two extensions that Codex 0.169.0 makes of it.

Codex sends its tools as an input item (``additional_tools``, in name spaces), and one of them takes JavaScript.
Sources: https://platform.openai.com/docs/api-reference/responses and .../responses-streaming.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import msgspec

from ironcurtain_tui.rehearsal.conversation import Result, Said, Tool, conversation
from ironcurtain_tui.rehearsal.dialects.openai import error
from ironcurtain_tui.rehearsal.script import Say, Use
from ironcurtain_tui.rehearsal.wire import Asked, Form, Reply, as_json, as_text, event, words

PATHS = ("/v1/responses", "/api/v1/responses", "/backend-api/codex/responses")
"""The others are OpenRouter's, and ChatGPT's for Codex."""


class Part(msgspec.Struct, frozen=True):
    type: str = ""
    text: str = ""


class OfferedTool(msgspec.Struct, frozen=True):
    """A function, one that takes free text (``custom``), or a name space with more of both."""

    type: str = ""
    name: str = ""
    parameters: dict[str, object] | None = None
    tools: tuple[OfferedTool, ...] = ()


class Item(msgspec.Struct, frozen=True):
    """A message, a tool's call or its output, or something this script does not read."""

    type: str = "message"
    role: str = ""
    content: str | tuple[Part, ...] | None = ()
    output: str | tuple[Part, ...] = ""
    tools: tuple[OfferedTool, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """The body, members left out that are not read."""

    model: str
    input: str | tuple[Item, ...]
    tools: tuple[OfferedTool, ...] = ()
    stream: bool = False
    text: dict[str, object] | None = None


class Responses:
    """See the module."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Request)

    def serves(self, path: str) -> bool:
        return path in PATHS

    def read(self, path: str, body: bytes) -> Asked:  # noqa: ARG002 -- all is in the body
        request = self._decoder.decode(body)
        items = (Item(role="user", content=request.input),) if isinstance(request.input, str) else request.input
        offered = (*request.tools, *(tool for item in items for tool in item.tools))
        tools = list(_tools(offered))
        return Asked(
            request.model,
            conversation((_said(item) for item in items), tools, schema=_schema(request.text), aside=not tools),
            Form.STREAM if request.stream else Form.WHOLE,
        )

    def whole(self, reply: Reply) -> bytes:
        output = [_item(reply, index, block, "completed") for index, block in enumerate(reply.turn.blocks)]
        return as_json(_response(reply, "completed", output))

    def streamed(self, reply: Reply) -> Iterator[bytes]:
        numbers = count()

        def send(name: str, **members: object) -> bytes:
            return event({"type": name, "sequence_number": next(numbers), **members}, name)

        yield send("response.created", response=_response(reply, "in_progress", []))
        yield send("response.in_progress", response=_response(reply, "in_progress", []))
        output = []
        for index, block in enumerate(reply.turn.blocks):
            done = _item(reply, index, block, "completed")
            place = {"item_id": done["id"], "output_index": index}
            begun = _item(reply, index, Say("") if isinstance(block, Say) else Use(block.tool, {}), "in_progress")
            if isinstance(block, Say):
                yield send("response.output_item.added", output_index=index, item=begun | {"content": []})
                part = {**place, "content_index": 0}
                yield send("response.content_part.added", **part, part=_text_part(""))
                for word in words(block.text):
                    yield send("response.output_text.delta", **part, delta=word)
                yield send("response.output_text.done", **part, text=block.text)
                yield send("response.content_part.done", **part, part=_text_part(block.text))
            elif block.code:
                yield send("response.output_item.added", output_index=index, item=done | {"input": ""})
                yield send("response.custom_tool_call_input.delta", **place, delta=block.code)
                yield send("response.custom_tool_call_input.done", **place, input=block.code)
            else:
                arguments = as_text(block.arguments)
                yield send("response.output_item.added", output_index=index, item=begun | {"arguments": ""})
                for word in words(arguments):
                    yield send("response.function_call_arguments.delta", **place, delta=word)
                yield send("response.function_call_arguments.done", **place, arguments=arguments)
            yield send("response.output_item.done", output_index=index, item=done)
            output.append(done)
        yield send("response.completed", response=_response(reply, "completed", output))

    def token_count(self, count: int) -> bytes:
        return as_json({"object": "response.input_tokens", "input_tokens": count})

    def error(self, status: int, message: str) -> bytes:
        return error(status, message)


def _tools(offered: tuple[OfferedTool, ...]) -> Iterator[Tool]:
    for tool in offered:
        if tool.tools:
            yield from _tools(tool.tools)
        else:
            yield Tool(tool.name, tool.parameters or {}, takes_code=tool.type == "custom")


def _said(item: Item) -> Iterator[Said]:
    if item.type == "message" and item.role == "user":
        yield from map(Said, _texts(item.content or ""))
    elif item.type.endswith("_output"):
        yield Said(result=Result("\n".join(_texts(item.output))))


def _texts(content: str | tuple[Part, ...]) -> list[str]:
    return [content] if isinstance(content, str) else [part.text for part in content]


def _schema(text: dict[str, object] | None) -> object:
    match text:
        case {"format": {"schema": schema}}:
            return schema
        case _:
            return None


def _response(reply: Reply, status: str, output: list[dict[str, object]]) -> dict[str, object]:
    usage = {
        "input_tokens": reply.input_tokens,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": reply.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }
    return {
        "id": f"resp_{reply.id[:32]}",
        "object": "response",
        "created_at": 0,
        "status": status,
        "model": reply.model,
        "output": output,
        "usage": usage if status == "completed" else None,
    }


def _item(reply: Reply, index: int, block: Say | Use, status: str) -> dict[str, object]:
    number = f"{index:02}{reply.id[:30]}"
    if isinstance(block, Say):
        content = [_text_part(block.text)]
        return {"type": "message", "id": f"msg_{number}", "status": status, "role": "assistant", "content": content}
    call: dict[str, object] = {"call_id": f"call_{number[:24]}", "name": block.tool, "status": status}
    if block.code:
        return {"type": "custom_tool_call", "id": f"ctc_{number}", **call, "input": block.code}
    return {"type": "function_call", "id": f"fc_{number}", **call, "arguments": as_text(block.arguments)}


def _text_part(text: str) -> dict[str, object]:
    return {"type": "output_text", "text": text, "annotations": []}
