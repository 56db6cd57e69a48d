"""Google's Gemini API.

Source: https://ai.google.dev/api/generate-content and https://ai.google.dev/api/tokens.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from ironcurtain_tui.rehearsal.conversation import Result, Said, Tool, conversation
from ironcurtain_tui.rehearsal.script import Say, Use
from ironcurtain_tui.rehearsal.wire import Asked, Form, Reply, as_json, as_text, event, words

_PATH = re.compile(r"/v1(?:beta)?/models/([^/:]+):(generateContent|streamGenerateContent|countTokens)")
_FORMS = {"generateContent": Form.WHOLE, "streamGenerateContent": Form.STREAM, "countTokens": Form.COUNT}
_STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 404: "NOT_FOUND"}


class FunctionResponse(msgspec.Struct, frozen=True):
    response: dict[str, object] = {}


class Part(msgspec.Struct, frozen=True, rename="camel"):
    text: str = ""
    function_response: FunctionResponse | None = None


class Content(msgspec.Struct, frozen=True):
    role: str = "user"
    parts: tuple[Part, ...] = ()


class Function(msgspec.Struct, frozen=True, rename="camel"):
    name: str = ""
    parameters: dict[str, object] | None = None
    parameters_json_schema: dict[str, object] | None = None


class OfferedTools(msgspec.Struct, frozen=True, rename="camel"):
    function_declarations: tuple[Function, ...] = ()


class Generation(msgspec.Struct, frozen=True, rename="camel"):
    response_schema: dict[str, object] | None = None
    response_json_schema: dict[str, object] | None = None


class Request(msgspec.Struct, frozen=True, rename="camel"):
    """The body, members left out that are not read."""

    contents: tuple[Content, ...]
    tools: tuple[OfferedTools, ...] | OfferedTools = ()
    """Goose sends one where a list of them belongs."""
    generation_config: Generation = Generation()


class Gemini:
    """See the module."""

    def __init__(self) -> None:
        self._decoder = msgspec.json.Decoder(Request)

    def serves(self, path: str) -> bool:
        return _PATH.fullmatch(path) is not None

    def read(self, path: str, body: bytes) -> Asked:
        found = _PATH.fullmatch(path)
        if found is None:
            raise ValueError(f"no path of this format: {path}")
        request = self._decoder.decode(body)
        offered = (request.tools,) if isinstance(request.tools, OfferedTools) else request.tools
        functions = [each for tools in offered for each in tools.function_declarations]
        tools = [Tool(each.name, each.parameters_json_schema or each.parameters or {}) for each in functions]
        wanted = request.generation_config
        return Asked(
            found[1],
            conversation(
                (_said(content) for content in request.contents if content.role != "model"),
                tools,
                schema=wanted.response_json_schema or wanted.response_schema,
                aside=not tools,
            ),
            _FORMS[found[2]],
        )

    def whole(self, reply: Reply) -> bytes:
        return as_json(_response(reply, [_part(block) for block in reply.turn.blocks], finished=True))

    def streamed(self, reply: Reply) -> Iterator[bytes]:
        for block in reply.turn.blocks:
            if isinstance(block, Say):
                for word in words(block.text):
                    yield event(_response(reply, [{"text": word}]))
            else:
                yield event(_response(reply, [_part(block)]))
        yield event(_response(reply, [{"text": ""}], finished=True))

    def token_count(self, count: int) -> bytes:
        return as_json({"totalTokens": count})

    def error(self, status: int, message: str) -> bytes:
        kind = _STATUSES.get(status, "INVALID_ARGUMENT")
        return as_json({"error": {"code": status, "message": message, "status": kind}})


def _said(content: Content) -> Iterator[Said]:
    for part in content.parts:
        if part.function_response is not None:
            yield Said(result=_result(part.function_response.response))
        elif part.text:
            yield Said(part.text)


def _result(response: dict[str, object]) -> Result:
    """By habit the text lies under ``output`` or, when it failed, under ``error``; MCP results are nested."""
    match response:
        case {"error": error}:
            return Result(error if isinstance(error, str) else as_text(error), failed=True)
        case {"output": str(output)}:
            return Result(output)
        case _:
            return Result(as_text(response))


def _part(block: Say | Use) -> dict[str, object]:
    if isinstance(block, Say):
        return {"text": block.text}
    return {"functionCall": {"name": block.tool, "args": block.arguments}}


def _response(reply: Reply, parts: list[dict[str, object]], *, finished: bool = False) -> dict[str, object]:
    candidate: dict[str, object] = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finished:
        candidate["finishReason"] = "STOP"
    return {
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": reply.input_tokens,
            "candidatesTokenCount": reply.output_tokens,
            "totalTokenCount": reply.input_tokens + reply.output_tokens,
        },
        "modelVersion": reply.model,
        "responseId": reply.id[:22],
    }
