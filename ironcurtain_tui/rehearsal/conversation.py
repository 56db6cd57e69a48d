"""What a request to the Messages API says, as far as a script needs to know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_INTERRUPTED = re.compile(r"\[Request interrupted by user[^\]]*\]")


class Block(msgspec.Struct, frozen=True):
    """A content block: text, a tool's use or its result, or something this script does not read."""

    type: str
    text: str = ""
    content: str | tuple[Block, ...] | None = None
    is_error: bool | None = None


class Message(msgspec.Struct, frozen=True):
    role: str
    content: str | tuple[Block, ...]


class Tool(msgspec.Struct, frozen=True):
    name: str = ""


class Request(msgspec.Struct, frozen=True):
    """The body of ``POST /v1/messages``, https://docs.anthropic.com/en/api/messages, unread members left out."""

    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    system: str | tuple[Block, ...] | None = None
    stream: bool = False
    max_tokens: int | None = None
    output_config: dict[str, object] | None = None


@dataclass(frozen=True)
class Result:
    """What a tool gave back."""

    text: str
    failed: bool


@dataclass(frozen=True)
class Conversation:
    """The last thing a person asked for, and how far it has come."""

    prompt: str
    results: tuple[Result, ...]
    """Of the tools used since, in order."""
    tools: frozenset[str]
    """Names of the tools the agent offers."""
    schema: dict[str, object] | None = None
    """JSON Schema that the answer must satisfy, if one was given."""
    aside: bool = False
    """The agent asks for itself (a title, a quota check), not for a person."""


def read(request: Request) -> Conversation:
    """The conversation that ``request`` carries."""
    prompt = ""
    results: list[Result] = []
    for message in request.messages:
        if message.role != "user":
            continue
        asked: list[str] = []
        for block in _blocks(message.content):
            if block.type == "tool_result":
                results.append(Result(_text(_blocks(block.content or "")), bool(block.is_error)))
                asked.clear()
            elif block.type == "text" and (text := _spoken(block.text)):
                asked.append(text)
        if asked:
            prompt = "\n".join(asked)
            results.clear()
    tools = frozenset(tool.name for tool in request.tools)
    aside = (not tools and request.system is not None) or request.max_tokens == 1
    return Conversation(prompt, tuple(results), tools, _schema(request.output_config), aside)


def _blocks(content: str | tuple[Block, ...]) -> tuple[Block, ...]:
    return (Block(type="text", text=content),) if isinstance(content, str) else content


def _text(blocks: Iterable[Block]) -> str:
    return "\n".join(block.text for block in blocks if block.type == "text")


def _spoken(text: str) -> str:
    """What a person said, without what agents put in beside it."""
    return _INTERRUPTED.sub("", _REMINDER.sub("", text)).strip()


def _schema(output: dict[str, object] | None) -> dict[str, object] | None:
    match output:
        case {"format": {"schema": dict(schema)}}:
            return schema
        case _:
            return None
