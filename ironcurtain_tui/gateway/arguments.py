"""Arguments of a tool call, on their way from the agent to the decision. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jsonschema
from referencing import Registry
from referencing.exceptions import Unresolvable

LONGEST_REASON = 500


def objection(schema: Mapping[str, Any], arguments: Mapping[str, object]) -> str:
    """Why ``arguments`` do not fit a tool's JSON Schema; empty when they do. Never fetches what a ``$ref`` names.

    Names the schema does not know are refused unless it allows them explicitly: what nobody described,
    no policy can judge.
    """
    known = schema.get("properties")
    if isinstance(known, Mapping) and "additionalProperties" not in schema and "patternProperties" not in schema:
        surplus = sorted(set(arguments) - set(known))
        if surplus:
            return f"unknown arguments {', '.join(surplus)[:200]}; known are {', '.join(sorted(known)) or 'none'}"
    try:
        validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        validator.check_schema(schema)
        error = jsonschema.exceptions.best_match(
            validator(schema, registry=Registry()).iter_errors(dict(arguments))  # an empty registry knows no way out
        )
    except (jsonschema.SchemaError, Unresolvable, RecursionError) as fault:
        return f"the tool's own schema cannot be used ({type(fault).__name__})"
    return f"{error.json_path}: {error.message}"[:LONGEST_REASON] if error else ""


def with_defaults(schema: Mapping[str, Any], arguments: Mapping[str, object]) -> dict[str, object]:
    """``arguments`` and what the schema says holds for those left out, so that the policy and the card see it too."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return dict(arguments)
    defaults = {
        name: described["default"]
        for name, described in properties.items()
        if isinstance(described, Mapping) and described.get("default") is not None
    }
    return {**defaults, **arguments}
