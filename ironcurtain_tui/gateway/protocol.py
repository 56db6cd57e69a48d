"""Lines of JSON-RPC 2.0 as MCP's stdio transport has them: one message a line, UTF-8. Pure.

Sources: https://www.jsonrpc.org/specification and the MCP specification, "Base protocol / Transports".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import get_args

from mcp.types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    ClientNotification,
    ClientRequest,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
)
from pydantic import ValidationError

_METHODS = frozenset(
    get_args(request.model_fields["method"].annotation)[0]
    for request in get_args(ClientRequest.model_fields["root"].annotation)
)


@dataclass(frozen=True)
class Fault:
    """Why a line is not served. ``id`` is the request's, None when it could not be read."""

    code: int
    message: str
    id: str | int | None = None

    def line(self) -> bytes:
        """The JSON-RPC error, as a line."""
        error = {"code": self.code, "message": self.message}
        return json.dumps({"jsonrpc": "2.0", "id": self.id, "error": error}).encode() + b"\n"


def read_message(line: bytes) -> JSONRPCMessage | Fault | None:
    """The request or notification in ``line``; a Fault to answer with; None for what needs no answer.

    Checked here rather than left to the SDK, which writes what it cannot read into the log.
    """
    try:
        message = JSONRPCMessage.model_validate_json(line)
    except ValidationError:
        return _fault(line)
    content = message.root
    if isinstance(content, JSONRPCRequest):
        try:
            ClientRequest.model_validate(content.model_dump(by_alias=True, exclude_none=True))
        except ValidationError:
            if content.method in _METHODS:
                return Fault(INVALID_PARAMS, "Invalid params", content.id)
            return Fault(METHOD_NOT_FOUND, "Method not found", content.id)
        return message
    if isinstance(content, JSONRPCNotification):
        try:
            ClientNotification.model_validate(content.model_dump(by_alias=True, exclude_none=True))
        except ValidationError:
            return None
        return message
    return None  # an answer, though the gateway asks its clients nothing


def write_message(message: JSONRPCMessage) -> bytes:
    """A message of ours, as a line."""
    return message.model_dump_json(by_alias=True, exclude_none=True).encode() + b"\n"


def _fault(line: bytes) -> Fault:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return Fault(PARSE_ERROR, "Parse error")
    identifier = value.get("id") if isinstance(value, dict) else None
    known = isinstance(identifier, (str, int)) and not isinstance(identifier, bool)
    return Fault(INVALID_REQUEST, "Invalid Request", identifier if known else None)
