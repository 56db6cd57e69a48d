"""Arguments against schemas."""

import socket
from typing import Any

import pytest

from ironcurtain_tui.gateway.arguments import objection, with_defaults

TEXT = {"type": "string"}
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": TEXT, "b": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "arguments", "reason"),
    [
        (SCHEMA, {"a": "x"}, ""),
        (SCHEMA, {"a": "x", "b": 3}, ""),
        (SCHEMA, {}, "'a' is a required property"),
        (SCHEMA, {"a": 1}, "$.a: 1 is not of type 'string'"),
        (SCHEMA, {"a": "x", "c": 1}, "unknown arguments c; known are a, b"),
        ({**SCHEMA, "additionalProperties": True}, {"a": "x", "c": 1}, ""),
        ({**SCHEMA, "additionalProperties": False}, {"a": "x", "c": 1}, "Additional properties are not allowed"),
        ({"type": "object"}, {"anything": 1}, ""),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": TEXT}}, {"a": 1}, "not of type"),
        ({"type": "nonsense"}, {}, "schema cannot be used (SchemaError)"),
        ({"properties": {"a": {"$ref": "#/nowhere"}}}, {"a": 1}, "schema cannot be used"),
        ({"properties": {"a": {"$ref": "#"}}}, {"a": {"a": {}}}, ""),
    ],
)
def test_objections(schema: dict[str, Any], arguments: dict[str, object], reason: str) -> None:
    found = objection(schema, arguments)
    assert (reason in found) if reason else (found == "")


def test_nothing_is_fetched_for_a_schema() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        address = f"http://127.0.0.1:{server.getsockname()[1]}/schema.json"
        assert "schema cannot be used" in objection({"properties": {"a": {"$ref": address}}}, {"a": 1})
        assert "schema cannot be used" in objection({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, {"a": 1})
        with pytest.raises(TimeoutError):
            server.accept()


def test_defaults_fill_what_was_left_out() -> None:
    schema = {"properties": {"path": {"default": "."}, "n": {"default": 0}, "none": {"default": None}, "x": {}}}
    assert with_defaults(schema, {"x": 1}) == {"path": ".", "n": 0, "x": 1}
    assert with_defaults(schema, {"path": "a", "n": None}) == {"path": "a", "n": None}
    assert with_defaults({}, {"x": 1}) == {"x": 1}
