"""Reading audit logs, also one that is being written."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from ironcurtain_tui.audit.chain import Record, locate, parse

BLOCK = 1 << 16


class AuditReader:
    """Reads a log from its start on, as far as it goes, and later what has been added since."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def poll(self) -> Iterator[Record]:
        """The records that have been finished since the last one read, lazily.

        An unfinished last line waits for the next call. Raises ChainBroken for a line that is no record; the
        next call goes on behind it. OSError when the file cannot be read. Does not verify: see ``audit.verify``.
        """
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                self._offset += len(line)
                yield parse(line)


def last_records(path: Path, count: int) -> list[Record]:
    """The last ``count`` finished records, oldest first, read from the end. Raises as ``AuditReader.poll``."""
    with path.open("rb") as file:
        lines = _tail(file, count + 1)
    finished = [line for line in lines if line.endswith(b"\n")]
    return [parse(line) for line in finished[-count:]] if count else []


def find_record(path: Path, seq: int) -> Record | None:
    """The record with this number, found by bisection; None when there is none. Raises as ``AuditReader.poll``."""
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while high - low > BLOCK:
            middle = (low + high) // 2
            file.seek(middle)
            file.readline()
            begin = file.tell()
            line = file.readline()
            if begin >= high or not line.endswith(b"\n"):
                high = middle
            elif locate(line).seq <= seq:
                low = begin
            else:
                high = middle
        file.seek(low)
        for line in file:
            if not line.endswith(b"\n") or (found := locate(line).seq) > seq:
                break
            if found == seq:
                return parse(line)
    return None


def _tail(file: BinaryIO, lines: int) -> list[bytes]:
    """At least the last ``lines`` lines, as far as there are so many, each whole."""
    start = file.seek(0, 2)
    text = b""
    while start and text.count(b"\n") <= lines:
        step = min(BLOCK, start)
        start -= step
        file.seek(start)
        text = file.read(step) + text
    parts = BytesIO(text).readlines()
    return parts[1:] if start else parts
