"""Values made up to satisfy a schema. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def example(schema: Mapping[str, object]) -> object:
    """The plainest value that satisfies a simple JSON Schema: objects, arrays, enumerations and scalars."""
    match schema:
        case {"const": value} | {"enum": [value, *_]}:
            return value
        case {"type": "object" | "OBJECT"}:
            properties = schema.get("properties")
            members = properties if isinstance(properties, dict) else {}
            return {name: example(member) for name, member in members.items()}
        case {"type": "array" | "ARRAY"}:
            return []
        case {"type": "integer" | "number" | "INTEGER" | "NUMBER"}:
            return schema.get("minimum", 1)
        case {"type": "boolean" | "BOOLEAN"}:
            return False
        case {"type": "null"}:
            return None
        case _:
            return "Rehearsal"
