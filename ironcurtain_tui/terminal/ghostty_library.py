"""libghostty-vt as pyghostty brings it: the library, memory for what it takes, and how it packs a cell.

Where anything is not as in its declarations (``ghostty_declarations.py``) ``LayoutError`` is raised.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder, SourceFileLoader
from typing import Any
from zlib import crc32

import msgspec

from ironcurtain_tui.terminal.ghostty_abi import DECLARATIONS_CRC32, ffi


class LayoutError(RuntimeError):
    """The library is not the one this code was written for."""


def _load() -> Any:
    """The library the installed pyghostty brings, which is not imported itself. ImportError, OSError: there is none."""
    package = PathFinder.find_spec("pyghostty")
    if package is None or not isinstance(package.loader, SourceFileLoader) or not package.submodule_search_locations:
        raise ImportError("pyghostty is not installed")
    directory = package.submodule_search_locations[0]
    if crc32(package.loader.get_data(f"{directory}/_cdef.py")) != DECLARATIONS_CRC32:
        raise LayoutError("this is another release of libghostty-vt")
    return ffi.dlopen(f"{directory}/_lib/libghostty-vt.{'dylib' if sys.platform == 'darwin' else 'so'}")


lib = _load()
scroll_viewport = ffi.cast(
    "void (*)(GhosttyTerminal, IroncurtainScroll)", ffi.addressof(lib, "ghostty_terminal_scroll_viewport")
)
grid_ref = ffi.cast(
    "GhosttyResult (*)(GhosttyTerminal, IroncurtainPoint, GhosttyGridRef *)",
    ffi.addressof(lib, "ghostty_terminal_grid_ref"),
)
_TWINS = (("IroncurtainScroll", "GhosttyTerminalScrollViewport"), ("IroncurtainPoint", "GhosttyPoint"))


class GhosttyError(RuntimeError):
    """The library refused something."""


def check(result: int, what: str) -> None:
    """GhosttyError unless ``result`` means success."""
    if result:
        raise GhosttyError(f"{what} failed: {result}")


def new(kind: str, value: Any = None) -> Any:
    """Memory for one ``kind``, as a pointer."""
    return ffi.new(f"{kind} *", value)


def new_sized(kind: str) -> Any:
    """The same for a struct that begins with its size, as the structs in it may."""
    made = new(kind)
    _note_sizes(made)
    return made


def _note_sizes(struct: Any) -> None:
    kind = ffi.typeof(struct).item
    for name, field in kind.fields:
        if name == "size":
            struct.size = ffi.sizeof(kind)
        elif field.type.kind == "struct":
            _note_sizes(ffi.addressof(struct[0], name))


def new_bytes(value: bytes | int) -> Any:
    """Memory that holds ``value``, or so many bytes."""
    return ffi.new("uint8_t[]", value)


class CellLayout:
    """Bit masks of one packed cell, as the loaded library describes it."""

    def __init__(self) -> None:
        types = msgspec.json.decode(ffi.string(lib.ghostty_type_json()))["types"]
        bits = types["GhosttyCell"]["bits"]

        def mask(name: str) -> int:
            return int(((1 << bits[name]["width"]) - 1) << bits[name]["lsb"])

        if bits["content_tag"]["lsb"] != 0 or types["GhosttyCell"]["size"] != 8:
            raise LayoutError("libghostty-vt packs its cells in another way")
        for twin, real in _TWINS:
            if (ffi.sizeof(twin), ffi.alignof(twin)) != (ffi.sizeof(real), ffi.alignof(real)):
                raise LayoutError(f"libghostty-vt passes a {real} in another way")
        self.tag = mask("content_tag")
        self.content = mask("content")
        self.content_lsb = int(bits["content"]["lsb"])
        self.codepoint = ((1 << 21) - 1) << self.content_lsb
        self.style = mask("style_id")
        self.wide = mask("wide")
        wide_lsb = int(bits["wide"]["lsb"])
        self.wide_head, self.wide_tail, self.wide_spacer = 1 << wide_lsb, 2 << wide_lsb, 3 << wide_lsb
        self.link = mask("hyperlink")
        self.odd = self.tag | self.style | self.wide | self.link
        """A row whose cells have none of these bits is plain narrow text in the default style."""
