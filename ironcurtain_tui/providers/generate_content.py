"""Google's Gemini format (https://ai.google.dev/api/generate-content): errors, usage, and what a body may ask.

The API takes every name in two spellings, ``toolConfig`` and ``tool_config``; both at once are refused.
"""

from __future__ import annotations

import re
from functools import partial

import msgspec

from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.base import WireFormat
from ironcurtain_tui.providers.body import Findings, Malformed, Object, objects, shown
from ironcurtain_tui.providers.usage import Count, Counter

_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


def error_body(status: int, message: str) -> bytes:
    """An error as Google's APIs send it (https://google.aip.dev/193)."""
    name = _STATUS.get(status, "INTERNAL" if status >= 500 else "FAILED_PRECONDITION")
    return msgspec.json.encode({"error": {"code": status, "message": message, "status": name}})


class _Counts(msgspec.Struct, rename="camel"):
    prompt_token_count: Count | None = None
    """With those that were cached."""
    cached_content_token_count: Count | None = None
    candidates_token_count: Count | None = None
    thoughts_token_count: Count | None = None
    tool_use_prompt_token_count: Count | None = None


class _Chunk(msgspec.Struct, rename="camel"):
    model_version: str = ""
    usage_metadata: _Counts | None = None


_decoder = msgspec.json.Decoder(_Chunk | list[_Chunk])


class GeminiCounter(Counter):
    """Reads the chunks of a response. A stream comes as events or as one array; each count replaces the last."""

    def see(self, document: bytes) -> None:
        told = _decoder.decode(document)
        for chunk in told if isinstance(told, list) else [told]:
            self._add(chunk)

    def _add(self, chunk: _Chunk) -> None:
        counts = chunk.usage_metadata
        if counts is None:
            return
        read = counts.cached_content_token_count or 0
        self.usage = Usage(
            model=chunk.model_version or (self.usage or Usage()).model,
            input_tokens=max(0, (counts.prompt_token_count or 0) - read) + (counts.tool_use_prompt_token_count or 0),
            output_tokens=(counts.candidates_token_count or 0) + (counts.thoughts_token_count or 0),
            cache_read_tokens=read,
        )


_FIELDS = frozenset(
    {
        "contents",
        "generateContentRequest",
        "generationConfig",
        "labels",
        "model",
        "safetySettings",
        "serviceTier",
        "systemInstruction",
        "toolConfig",
        "tools",
    }
)
_PARTS = frozenset(
    {
        "codeExecutionResult",
        "executableCode",
        "functionCall",
        "functionResponse",
        "inlineData",
        "mediaResolution",
        "partMetadata",
        "text",
        "thought",
        "thoughtSignature",
        "videoMetadata",
    }
)
_SNAKE = re.compile(r"_([a-z])")


def look_through(document: Object, findings: Findings) -> None:
    """Find what would act out of sight: see ``WireFormat.look_through``."""
    names = _spellings(document)
    for known in [camel for camel in names if camel not in _FIELDS]:
        spelled = names[known]
        if known == "cachedContent":
            findings.add("cached content")
        else:
            findings.add(f"field {shown(spelled)}", partial(document.pop, spelled, None))
    _tools(document, findings)
    if (inner := _value(document, names, "generateContentRequest")) is not None:
        if not isinstance(inner, dict):
            raise Malformed("generateContentRequest is not an object")
        look_through(inner, findings)
    for content in objects(document.get("contents"), "contents"):
        _parts(content.get("parts"), findings)
    instruction = _value(document, names, "systemInstruction")
    if isinstance(instruction, dict):
        _parts(instruction.get("parts"), findings)


def _tools(document: Object, findings: Findings) -> None:
    """A tool is an object with one field for each kind of tool in it."""
    for tool in objects(document.get("tools"), "tools"):
        names = _spellings(tool)
        for known in [camel for camel in names if camel != "functionDeclarations"]:
            spelled = names[known]
            findings.add(f"tool {shown(spelled)}", partial(_take_out, document, tool, spelled))


def _take_out(document: Object, tool: Object, name: str) -> None:
    tool.pop(name, None)
    tools = document.get("tools")
    if not tool and isinstance(tools, list):
        tools[:] = [each for each in tools if each is not tool]
        if not tools:
            del document["tools"]


def _parts(parts: object, findings: Findings) -> None:
    for part in [parts] if isinstance(parts, dict) else objects(parts, "parts"):
        names = _spellings(part)
        for known in names:
            if known not in _PARTS:
                findings.add("file by uri" if known == "fileData" else f"part {shown(known)}")
        answer = _value(part, names, "functionResponse")
        if isinstance(answer, dict):
            _parts(answer.get("parts"), findings)


def _spellings(value: Object) -> dict[str, str]:
    """The names in ``value`` in one spelling, and how each is spelled there. Malformed when one is there twice."""
    names = {_SNAKE.sub(lambda match: match[1].upper(), name): name for name in value}
    if len(names) < len(value):
        raise Malformed("the body has a name in two spellings in one object")
    return names


def _value(value: Object, names: dict[str, str], name: str) -> object:
    return value.get(names.get(name, name))


GENERATE_CONTENT = WireFormat("generate-content", GeminiCounter, b'"usageMetadata"', look_through=look_through)
COUNT_TOKENS = WireFormat("generate-content", look_through=look_through)
"""Asks what a request would count; nothing is used."""
