"""What all wire formats have in common: a request that was understood, a reply, and how to cut and encode it. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from ironcurtain_tui.rehearsal.conversation import Conversation
from ironcurtain_tui.rehearsal.script import Say, Turn, Use

CHARACTERS_PER_TOKEN = 4
_WORDS = re.compile(r"\S+\s*|\s+")


class Form(Enum):
    """How an answer is wanted."""

    WHOLE = "whole"
    STREAM = "stream"
    COUNT = "count"
    """Only the number of tokens of the question."""


@dataclass(frozen=True)
class Asked:
    """A request that was understood."""

    model: str
    conversation: Conversation
    form: Form


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
            tokens(len(block.text if isinstance(block, Say) else block.code or as_text(block.arguments)))
            for block in self.turn.blocks
        )

    @property
    def uses_tools(self) -> bool:
        return any(isinstance(block, Use) for block in self.turn.blocks)


class Dialect(Protocol):
    """One wire format. Pure."""

    def serves(self, path: str) -> bool:
        """Whether a POST to ``path`` is a question in this format."""

    def read(self, path: str, body: bytes) -> Asked:
        """Raises msgspec.MsgspecError, UnicodeDecodeError or RecursionError for what makes no sense."""

    def whole(self, reply: Reply) -> bytes:
        """The answer to a request that does not stream."""

    def streamed(self, reply: Reply) -> Iterator[bytes]:
        """The answer to one that does: server-sent events, one at a time, text word by word."""

    def token_count(self, count: int) -> bytes:
        """The answer to one that only counts."""

    def error(self, status: int, message: str) -> bytes:
        """The body of a refusal."""


def tokens(characters: int) -> int:
    """A guess at the number of tokens; nobody pays by it."""
    return max(1, characters // CHARACTERS_PER_TOKEN)


def words(text: str) -> list[str]:
    """``text`` in pieces that a reader sees appear one after the other."""
    return _WORDS.findall(text)


def as_text(value: object) -> str:
    """JSON as a model writes arguments."""
    return json.dumps(value)


def as_json(value: object) -> bytes:
    """JSON as a server sends it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def event(data: object, name: str = "") -> bytes:
    """One server-sent event, https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    heading = b"event: %b\n" % name.encode() if name else b""
    return heading + b"data: %b\n\n" % as_json(data)
