"""The declarations of libghostty-vt that were parsed beforehand are those of the installed release."""

from __future__ import annotations

import sys
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.terminal import ghostty_library
from ironcurtain_tui.terminal.ghostty_abi import ffi
from ironcurtain_tui.terminal.ghostty_declarations import TARGET, generate


def test_they_are_what_the_generator_writes_today() -> None:
    assert TARGET.read_text(encoding="utf-8") == generate()


def test_every_type_is_laid_out_as_pyghostty_declares_it() -> None:
    from pyghostty._ffi import ffi as theirs

    names = [name for name in ffi.list_types()[0] if not name.startswith("Ironcurtain")]
    assert len(names) > 50
    for name in names:
        assert layout(ffi, ffi.typeof(name)) == layout(theirs, theirs.typeof(name))


def layout(parser: Any, kind: Any) -> Any:
    """What a C compiler would tell of ``kind``."""
    name = kind.cname.replace("struct ", "")
    if kind.kind == "enum":
        return name, kind.relements
    if kind.kind in {"struct", "union"}:
        return name, parser.sizeof(kind), [(one, at.offset, layout(parser, at.type)) for one, at in kind.fields]
    return name


def test_the_library_of_another_release_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "_cdef.py").write_text("CDEF = ''")
    other = ModuleSpec("pyghostty", SourceFileLoader("pyghostty", str(tmp_path / "__init__.py")), is_package=True)
    other.submodule_search_locations = [str(tmp_path)]
    monkeypatch.setattr(PathFinder, "find_spec", lambda _: other)
    with pytest.raises(ghostty_library.LayoutError):
        ghostty_library._load()


def test_without_pyghostty_it_is_an_import_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(ImportError):
        ghostty_library._load()
