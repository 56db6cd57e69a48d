"""`ironcurtain-tui config`: the settings in force, their JSON Schema, and editing them without breaking them."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from ironcurtain_tui import config, paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.policy.document import parse_policy, read_text, toml, write_text
from ironcurtain_tui.policy.load import USER_FILE
from ironcurtain_tui.schema import schema_of

PRIVATE = frozenset({"env", "headers"})
"""Tables whose values may be secrets, unless they only refer to variables of the environment."""
_REFERENCES = re.compile(r"((Bearer|Basic|token) )?(\$\{\w+\})+")
EDITABLE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "config": ("config.toml", config.load),
    "policy": (USER_FILE, lambda path: parse_policy(read_text(path) or "", str(path))),
}
"""File in our directory, and what reads it, raising UserFacingError when it is wrong."""


def run(options: argparse.Namespace) -> int:
    """Carry out the command; the exit code."""
    match options.config_command:
        case "schema":
            print(json.dumps(schema_of(options.file), indent=1))
        case "edit":
            print(edit(options.file))
        case _:
            print("\n".join(shown(config.load(), config.Config(), paths.home() / "config.toml")))
    return 0


def shown(settings: config.Config, defaults: config.Config, path: Path) -> Iterator[str]:
    """``settings`` as a valid config.toml; what differs from ``defaults`` is marked."""
    yield f"# {path}" + ("" if path.exists() else ", which does not exist: all of this is the default")
    before = msgspec.to_builtins(defaults)
    for section, values in msgspec.to_builtins(settings).items():
        yield from _table(section, values, before[section])


def _table(name: str, values: Mapping[str, object], before: object) -> Iterator[str]:
    """One table, then the tables in it."""
    plain = {key: value for key, value in values.items() if not isinstance(value, dict)}
    known = before if isinstance(before, dict) else None
    if plain or not values:
        yield ""
        yield f"[{name}]"
    private = name.rpartition(".")[2] in PRIVATE
    for key, value in plain.items():
        if private and not _REFERENCES.fullmatch(str(value)):
            yield f"# {_key(key)} is set, and not shown"
        elif value is not None:
            mark = "" if known is not None and known.get(key) == value else "  # set"
            yield f"{_key(key)} = {toml(value)}{mark}"
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _table(f"{name}.{_key(key)}", value, known.get(key) if known is not None else None)


def _key(name: str) -> str:
    return name if name.replace("-", "").replace("_", "").isalnum() and name.isascii() else toml(name)


def edit(name: str) -> str:
    """Have the person edit the file in an editor; it is only replaced by one that can be read. What happened.

    UserFacingError when there is no terminal or no editor.
    """
    if not (os.isatty(0) and os.isatty(1)):
        raise UserFacingError("An editor needs a terminal.", f"Edit {paths.home() / EDITABLE[name][0]} yourself.")
    file, read = EDITABLE[name]
    path = paths.private_directory(paths.home()) / file
    before = read_text(path) or ""
    with tempfile.TemporaryDirectory(prefix=".edit-", dir=path.parent) as directory:
        copy = Path(directory) / file
        write_text(copy, before)
        while True:
            _run_editor(copy)
            after = read_text(copy) or ""
            if after == before:
                return "Nothing was changed."
            try:
                read(copy)
            except UserFacingError as error:
                print(f"{error.message.replace(str(copy), str(path))}\n  → {error.remedy}", file=sys.stderr)
                if input("Edit again (Enter), or give it up (q)? ").strip().lower().startswith("q"):
                    return "Nothing was changed."
                continue
            write_text(path, after)
            return f"{path} is changed. New sessions start with it."


def _run_editor(file: Path) -> None:
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
    except (OSError, ValueError) as error:
        raise UserFacingError(f"The editor {editor} cannot be started: {error}.", "Set EDITOR.") from error
    if code != 0:
        raise UserFacingError(f"The editor {editor} ended with code {code}; nothing was changed.", "Set EDITOR.")
