"""What a tool server writes to its standard error, kept in a bounded file."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import BinaryIO, TextIO

MOST_BYTES = 1 << 20
"""Of one file; when it is full it becomes ``NAME.1`` in place of an older one."""
_CHUNK = 64 << 10


class ServerLog:
    """Hands out a pipe for a child's standard error and keeps the newest of what comes through it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, text: str) -> None:
        """Add a line of our own."""
        self._keep(f"[ironcurtain] {text}\n".encode())

    def pipe(self) -> tuple[BinaryIO, TextIO]:
        """The end to read with ``drain`` and the end to give to the child (and then close here)."""
        reading, writing = os.pipe()
        return os.fdopen(reading, "rb", buffering=0), os.fdopen(writing, "w")

    async def drain(self, reading: BinaryIO) -> None:
        """Keep what comes through ``reading`` until its last writer closes it; then, close it."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), reading
        )
        try:
            while data := await reader.read(_CHUNK):
                self._keep(data)
        finally:
            transport.close()

    def _keep(self, data: bytes) -> None:
        """A full disk costs the text, not the server."""
        try:
            if self.path.exists() and self.path.stat().st_size + len(data) > MOST_BYTES:
                self.path.replace(self.path.with_name(f"{self.path.name}.1"))
            descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.write(descriptor, data)
            finally:
                os.close(descriptor)
        except OSError:
            pass
