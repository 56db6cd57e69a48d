"""Undoes content codings and finds what looks like a secret: ``python -m ironcurtain_tui.traffic.cleaner SETTINGS``.

Decompressors are native code and what they read was chosen by others, so they run in a process that has nothing:
no key, no file, no network. Looking for secrets in a long text is slow work, which would hold up the proxy. SETTINGS is
the table ``[redaction]`` as JSON. Standard input carries requests, standard output the answers:

    request   1 byte length of a name, the name, 4 bytes most bytes of the answer, 4 bytes length, bytes
    answer    1 byte (0 done, 1 cannot be done), 4 bytes length, bytes

Numbers are big-endian; the name is that of a coding, or REDACT. A body that is cut off is undone as far as it goes.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import brotli
import msgspec
import zstandard

from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.config import RedactionSettings
from ironcurtain_tui.confinement import confine
from ironcurtain_tui.traffic.cleaning import REDACT

NICENESS = 10
STEP = 1 << 12


class _Undoing(Protocol):
    def __call__(self, data: bytes, /) -> bytes: ...


def _deflate() -> _Undoing:
    """RFC 9110 means zlib's format; some servers send the bare one."""
    began: list[_Undoing] = []

    def undo(data: bytes) -> bytes:
        if not began:
            bare = bool(data) and (data[0] & 0x0F != 8)
            began.append(zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS).decompress)
        return began[0](data)

    return undo


CODINGS: dict[str, Callable[[], _Undoing]] = {
    "gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS).decompress,
    "x-gzip": lambda: zlib.decompressobj(16 + zlib.MAX_WBITS).decompress,
    "deflate": _deflate,
    "br": lambda: brotli.Decompressor().process,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj().decompress,
}


def undo(coding: str, data: bytes, most: int) -> bytes:
    """At most ``most`` bytes, about, of what ``data`` begins with. ValueError when nothing can be told."""
    if coding not in CODINGS:
        raise ValueError(f"the coding {coding} is not known")
    step = CODINGS[coding]()
    found = bytearray()
    try:
        for start in range(0, len(data), STEP):
            found += step(data[start : start + STEP])
            if len(found) >= most:
                break
    except (zlib.error, brotli.error, zstandard.ZstdError) as error:
        if not found:
            raise ValueError("it is not coded as it says") from error
    return bytes(found[:most])


def main() -> None:
    """Answer until the other side is gone."""
    redactor = Redactor.configured(msgspec.json.decode(sys.argv[1], type=RedactionSettings))
    for coding in CODINGS:  # everything is loaded and has run once before nothing more can be
        CODINGS[coding]()
    os.nice(NICENESS)
    confine()
    while True:
        name = _read(_read(1)[0]).decode("ascii", "replace")
        most, size = struct.unpack(">II", _read(8))
        data = _read(size)
        try:
            answer = redactor.text(data.decode()).encode()[:most] if name == REDACT else undo(name, data, most)
            failed = 0
        except ValueError as error:
            answer, failed = str(error).encode(), 1
        _write(struct.pack(">BI", failed, len(answer)) + answer)


def _read(size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = os.read(0, size - len(found))
        if not piece:
            raise SystemExit(0)
        found += piece
    return found


def _write(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
