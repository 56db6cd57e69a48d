"""JSON Schemas of the files a person writes, with what the settings mean as their descriptions."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import msgspec

from ironcurtain_tui.config import Config
from ironcurtain_tui.policy.annotations import ServerAnnotations
from ironcurtain_tui.policy.rules import PolicyDocument

FILES: dict[str, type[msgspec.Struct]] = {
    "config": Config,
    "policy": PolicyDocument,
    "annotations": ServerAnnotations,
}
"""What can be described: config.toml, policy.toml, annotations/<server>.toml."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of the file ``name`` of FILES. Checks between settings are not part of it."""
    root = FILES[name]
    schema = msgspec.json.schema(root)
    described = {kind.__name__: dict(_descriptions(kind)) for kind in _structs(root)}
    for kind, definition in schema["$defs"].items():
        for setting, words in described.get(kind, {}).items():
            if setting in definition.get("properties", {}):
                definition["properties"][setting]["description"] = words
    return {"$schema": DIALECT, "title": f"{name}.toml of IronCurtain TUI", **schema}


def _structs(root: type) -> Iterator[type]:
    """Every struct in the modules of those that ``root`` is made of."""
    seen: set[type] = set()
    waiting: list[Any] = [msgspec.inspect.type_info(root)]
    while waiting:
        info = waiting.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            yield info.cls
            waiting += [field.type for field in info.fields]
        for part in ("types", "item_type", "item_types", "key_type", "value_type"):
            inner = getattr(info, part, None)
            waiting += inner if isinstance(inner, tuple) else [inner] if inner is not None else []


def _descriptions(kind: type) -> Iterator[tuple[str, str]]:
    """The settings of ``kind`` and of what it inherits from, with the words that stand below each."""
    for base in kind.__mro__:
        if not base.__module__.startswith("ironcurtain_tui."):
            continue
        body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base))).body[0]
        statements = body.body if isinstance(body, ast.ClassDef) else []
        for statement, below in pairwise(statements):
            match statement, below:
                case (
                    ast.AnnAssign(target=ast.Name(id=setting)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    yield setting, " ".join(words.split())
