"""The recording of a session's terminal: asciicast v2 (docs.asciinema.org/manual/asciicast/v2), playable by asciinema.

One JSON document a line: a header, then ``[seconds, code, data]`` with code ``o`` for output, ``r`` for a
new size and ``m`` for a marker. Every event is handed to the kernel as it comes, so a killed supervisor
loses none; what a crash of the machine may lose is what the kernel had not yet written.
"""

from __future__ import annotations

import codecs
import json
import os
import time
from collections.abc import Callable
from pathlib import Path

SIZE_LIMIT = 256 << 20
"""Bytes of one recording."""


class Recorder:
    """Writes one recording. A full disk or a full recording ends it, never the session."""

    def __init__(
        self,
        path: Path,
        cols: int,
        lines: int,
        *,
        title: str = "",
        limit: int = SIZE_LIMIT,
        on_stop: Callable[[str], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start the recording at ``path``, readable by its owner only; OSError when that is impossible.

        ``on_stop`` is told why, once, if it ends before ``close``.
        """
        self._clock = clock
        self._start = clock()
        self._limit = limit
        self._on_stop = on_stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._size = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file: int | None = os.open(path, flags, 0o600)
        header = {"version": 2, "width": cols, "height": lines, "timestamp": int(time.time())}
        self._line({**header, **({"title": title} if title else {}), "env": {"TERM": "xterm-256color"}})

    def output(self, data: bytes) -> None:
        """The agent wrote ``data``; a character split between two calls is kept whole."""
        if text := self._decoder.decode(data):
            self._event("o", text)

    def resize(self, cols: int, lines: int) -> None:
        """The terminal has a new size."""
        self._event("r", f"{cols}x{lines}")

    def marker(self, label: str) -> None:
        """Something worth finding again happened now."""
        self._event("m", label)

    def close(self) -> None:
        """End the recording. Safe to call twice."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)

    def _event(self, code: str, data: str) -> None:
        if self._file is None:
            return
        if self._size >= self._limit:
            reason = f"recording stopped: it reached its limit of {self._limit:,} bytes"
            self._line([self._now(), "m", reason])
            self._stop(reason)
            return
        self._line([self._now(), code, data])

    def _now(self) -> float:
        return round(self._clock() - self._start, 6)

    def _line(self, content: object) -> None:
        if self._file is None:
            return
        line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            self._stop(f"recording stopped: {error.strerror or error}")
            return
        self._size += len(line)

    def _stop(self, reason: str) -> None:
        self.close()
        if self._on_stop is not None:
            self._on_stop(reason)
