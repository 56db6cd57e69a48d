"""The recording of a session's terminal: asciicast v2 (docs.asciinema.org/manual/asciicast/v2), playable by asciinema.

One JSON document a line: a header, then ``[seconds, code, data]`` with code ``o`` for output, ``r`` for a new size,
``m`` for a marker and, if that is asked for, ``i`` for what was typed. Every event is handed to the kernel as it comes,
so a killed supervisor loses none; what a crash of the machine may lose is what the kernel had not yet written.

A long recording comes in parts, each a whole asciicast: ``recording-1.cast.gz``, ``recording-2.cast.gz``, ... and the
newest, ``recording.cast``, which is compressed too at the end. The oldest part goes when all together would be longer
than the limit. The header has one member more than asciinema's: ``ironcurtain``, with the start of the part as the
audit log writes it (``time_us`` and ``mono_us``), by which a record's second in the recording is found. A part that
is not the first begins with a key frame (``"key_frame": true``): output that draws the screen as it was.
"""

from __future__ import annotations

import codecs
import gzip
import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from ironcurtain_tui.terminal.key_frame import is_whole

SIZE_LIMIT = 256 << 20
"""Bytes of one recording, all parts together, before they are compressed."""
PARTS = 4
"""A recording that reaches its limit consists of so many."""


ENOUGH = 0.8
"""Of a part's size, from which on the next part begins as soon as there is a key frame for it."""


class Recorder:
    """Writes one recording. A full disk ends it, never the session."""

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

        ``on_stop`` is told why, once, if it ends before ``close``. ``clock`` gives the seconds of the machine's
        monotonic clock.
        """
        self._path = path
        self._clock = clock
        self._start = 0.0
        self._part_limit = limit // PARTS
        self._on_stop = on_stop
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._terminal = (cols, lines)
        self._title = title
        self._size = 0
        self._whole = True
        self._parts = 0
        self._compressor: threading.Thread | None = None
        self._file: int | None = None
        self._begin()

    @property
    def part_is_full(self) -> bool:
        """Whether it is time to ``begin_part``: the part has its size, and no control sequence is cut in two."""
        return self._file is not None and self._size >= self._part_limit * ENOUGH and self._whole

    def begin_part(self, cols: int, lines: int, key_frame: bytes) -> bool:
        """Begin the next part with ``key_frame``, which draws the screen after all output so far.

        False when the terminal has another size by now: take another one.
        """
        if (cols, lines) != self._terminal:
            return False
        try:
            self._rotate(key_frame=bool(key_frame))
        except OSError as error:
            self._stop(f"recording stopped: {error.strerror or error}")
        if key_frame:
            self._line([0.0, "o", key_frame.decode("utf-8", "replace")])
        return True

    def output(self, data: bytes) -> None:
        """The agent wrote ``data``; a character split between two calls is kept whole."""
        if text := self._decoder.decode(data):
            self._event("o", text)
        self._whole = is_whole(data)

    def typed(self, data: bytes) -> None:
        """``data`` was sent to the agent as if typed."""
        self._event("i", data.decode("utf-8", "replace"))

    def resize(self, cols: int, lines: int) -> None:
        """The terminal has a new size."""
        self._terminal = (cols, lines)
        self._event("r", f"{cols}x{lines}")

    def marker(self, label: str) -> None:
        """Something worth finding again happened now."""
        self._event("m", label)

    def close(self) -> None:
        """End the recording and compress it, which takes a while. Safe to call twice."""
        if self._file is not None:
            file, self._file = self._file, None
            os.close(file)
            if self._compressor is not None:
                self._compressor.join()
            try:
                compress(self._path)
            except OSError:
                pass  # it plays as it is, too

    def _begin(self, *, key_frame: bool = False) -> None:
        """Start a part: a file and its header. OSError when that is impossible."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self._path, flags, 0o600)
        self._start, self._size = self._clock(), 0
        now_us = time.time_ns() // 1000
        cols, lines = self._terminal
        header: dict[str, object] = {"version": 2, "width": cols, "height": lines, "timestamp": now_us // 1_000_000}
        if self._title:
            header["title"] = self._title
        place = {"time_us": now_us, "mono_us": round(self._start * 1e6), "part": self._parts + 1}
        place |= {"key_frame": True} if key_frame else {}
        self._line({**header, "env": {"TERM": "xterm-256color"}, "ironcurtain": place})

    def _rotate(self, *, key_frame: bool = False) -> None:
        """Begin the next part. What a compressor has to do for the last one, it does meanwhile."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._compressor is not None:
            self._compressor.join()
        self._parts += 1
        old = self._path.with_name(f"{self._path.stem}-{self._parts}.cast")
        self._path.replace(old)
        oldest = self._path.with_name(f"{self._path.stem}-{self._parts - PARTS + 1}.cast.gz")
        self._compressor = threading.Thread(target=_compress_part, args=(old, oldest), name="recording")
        self._compressor.start()
        self._begin(key_frame=key_frame)

    def _event(self, code: str, data: str) -> None:
        if self._file is None:
            return
        if self._size >= self._part_limit:  # nobody gave a key frame
            try:
                self._rotate()
            except OSError as error:
                self._stop(f"recording stopped: {error.strerror or error}")
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
        if self._file is not None:
            os.close(self._file)
            self._file = None
        if self._on_stop is not None:
            self._on_stop(reason)


def compress(path: Path) -> None:
    """Replace ``path`` by ``path``.gz. OSError when that is impossible; then ``path`` is as it was."""
    temporary = path.with_name(f".{path.name}.gz")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with (
            path.open("rb") as plain,
            open(descriptor, "wb") as file,  # noqa: PTH123 -- a descriptor
            gzip.GzipFile(filename="", fileobj=file, mode="wb", compresslevel=6) as packed,
        ):
            shutil.copyfileobj(plain, packed, 1 << 20)
        temporary.replace(path.with_name(f"{path.name}.gz"))
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    path.unlink()


def parts(path: Path) -> list[Path]:
    """The files of the recording at ``path`` that are there, oldest first, packed or not."""
    numbered: dict[int, Path] = {}
    pattern = re.compile(rf"{re.escape(path.stem)}-(\d+)\.cast(\.gz)?")
    for file in path.parent.glob(f"{path.stem}-*.cast*"):
        match = pattern.fullmatch(file.name)
        if match and (match[2] or int(match[1]) not in numbered):
            numbered[int(match[1])] = file
    last = next((file for file in (path.with_name(f"{path.name}.gz"), path) if file.exists()), None)
    return [numbered[number] for number in sorted(numbered)] + ([last] if last else [])


def _compress_part(part: Path, oldest: Path) -> None:
    try:
        compress(part)
        oldest.unlink(missing_ok=True)
    except OSError:
        pass  # the part stays as it is
