"""Server-sent events, as far as counting needs them (HTML Living Standard, section 9.2.6)."""

from __future__ import annotations

MAX_LINE = 1 << 20
"""Bytes of one line that are kept while its end has not come; a longer line is skipped."""


class DataLines:
    """Cuts a byte stream, split anywhere, into the payloads of its ``data:`` lines."""

    def __init__(self) -> None:
        self._partial = b""
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """Payloads of the lines completed by ``data``, in order."""
        block, newline, rest = data.rpartition(b"\n")
        if not newline:
            self._keep(self._partial + rest)
            return []
        lines = (self._partial + block).split(b"\n")
        if self._skipping:
            lines = lines[1:]
        self._partial, self._skipping = b"", False
        self._keep(rest)
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]

    def _keep(self, partial: bytes) -> None:
        if len(partial) > MAX_LINE:
            partial, self._skipping = b"", True
        self._partial = b"" if self._skipping else partial
