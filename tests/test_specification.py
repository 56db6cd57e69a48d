"""Every promise of SPECIFICATION.md names tests, and all that it names are there."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"\| (\d+) \| (.+?) \| (.+?) \|(?: .*)?\|")
NAME = re.compile(r"`(tests/[\w/.]+|test_\w+\.py)?(?:::([\w:]+))?`")
ROWS = [
    (int(found[1]), found[3])
    for line in (ROOT / "SPECIFICATION.md").read_text().splitlines()
    if (found := ROW.fullmatch(line))
]


def named(cell: str) -> Iterator[tuple[Path, list[str]]]:
    """Files and what is named in them. ``::name`` alone is in the file before, a bare file name in its directory."""
    path = ROOT
    for file, inside in NAME.findall(cell):
        if file:
            path = path.parent / file if file.startswith("test_") else ROOT / file
        yield path, [part for part in inside.split("::") if part]


def test_promises_are_counted_from_one() -> None:
    assert [number for number, _ in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 75


@pytest.mark.parametrize(("number", "cell"), ROWS)
def test_what_a_promise_rests_on_is_there(number: int, cell: str) -> None:
    tests = list(named(cell))
    assert tests, number
    for path, inside in tests:
        assert path.exists(), path
        body: list[ast.stmt] = ast.parse(path.read_text()).body if inside else []
        for name in inside:
            found = [each for each in body if name in _names(each)]
            assert found, f"{path.name}::{name}"
            body = getattr(found[0], "body", [])


def _names(statement: ast.stmt) -> list[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case _:
            return []
