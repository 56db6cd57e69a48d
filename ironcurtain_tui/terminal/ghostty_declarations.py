"""Writes ghostty_abi.py: what ghostty.py and ghostty_library.py use of libghostty-vt's declarations, parsed beforehand.

pyghostty has the C parser read all 80 KB of them whenever it is imported, which takes 0.17 s of CPU. They are of the
one release that pyproject.toml names; for another one: ``python -m ironcurtain_tui.terminal.ghostty_declarations``.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import cffi
from pyghostty import _cdef

TARGET = Path(__file__).with_name("ghostty_abi.py")
USERS = [Path(__file__).with_name(name) for name in ("ghostty.py", "ghostty_library.py")]

# By-value unions cannot be passed through cffi's ABI mode; structs of the same layout can (see pyghostty._ffi).
TWINS = """
typedef struct { uint16_t x; uint32_t y; uint64_t _pad; } IroncurtainPointValue;
typedef struct { GhosttyPointTag tag; IroncurtainPointValue value; } IroncurtainPoint;
typedef struct { GhosttyTerminalScrollViewportTag tag; uint64_t row; uint64_t _pad; } IroncurtainScroll;
"""
_NAME = re.compile(r"\b[Gg](?:hostty|HOSTTY)\w+")


def generate() -> str:
    """The text of ghostty_abi.py."""
    builder = cffi.FFI()
    builder.cdef("\n".join(_used()) + TWINS)
    builder.set_source("ironcurtain_tui.terminal.ghostty_abi", None)
    with tempfile.TemporaryDirectory() as directory:
        written = Path(directory, "abi.py")
        builder.emit_python_code(str(written))
        text = written.read_text(encoding="utf-8")
    checksum = f"\nDECLARATIONS_CRC32 = {crc32(Path(_cdef.__file__).read_bytes()):#010x}\n"
    return text.replace("# auto-generated file", "# Written by ghostty_declarations.py. Do not edit.") + checksum


def _used() -> list[str]:
    """The declarations those two name, and those they need, in their order."""
    declarations = list(_split(re.sub(r"/\*.*?\*/", "", _cdef.CDEF, flags=re.DOTALL)))
    wanted = set(_NAME.findall("".join(user.read_text(encoding="utf-8") for user in USERS) + TWINS))
    used: set[int] = set()
    while wanted:
        name = wanted.pop()
        for at, text in enumerate(declarations):
            if at not in used and name in _declared(text):
                used.add(at)
                wanted |= set(_NAME.findall(text))
    return [declarations[at] for at in sorted(used)]


def _split(text: str) -> Iterator[str]:
    """Each declaration, with its semicolon."""
    depth = start = 0
    for at, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == ";" and not depth:
            yield text[start : at + 1].strip()
            start = at + 1


def _declared(text: str) -> list[str]:
    """The names ``text`` declares: of a type or function, and of an enum's constants."""
    without_body = re.sub(r"{.*}", "", text, flags=re.DOTALL)
    name = re.search(r"\(\*\s*(\w+)\)|(\w+)\s*\((?!\*)|(\w+)\s*;", without_body)
    constants = re.findall(r"\bGHOSTTY_\w+", text) if text.startswith("typedef enum") else []
    return constants + ([found for found in name.groups() if found] if name else [])


if __name__ == "__main__":
    TARGET.write_text(generate(), encoding="utf-8")
