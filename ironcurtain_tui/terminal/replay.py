"""A recording read back: its events on one time axis, and the second of every audit record."""

from __future__ import annotations

import gzip
import json
import math
import zlib
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.terminal.recording import parts

ATTEMPTS = 20
"""How often a recording that is being packed is looked at anew."""


@dataclass(frozen=True, slots=True)
class Event:
    """``code`` is ``o`` (``data``: output), ``r`` (``COLSxLINES``), ``m`` (a marker's words) or ``k`` (a key frame:
    output that draws the screen as it is there anyway). All untrusted text.
    """

    time: float
    """Seconds from the beginning of the recording."""
    code: str
    data: str


class Replay:
    """A whole recording in memory."""

    def __init__(
        self,
        events: Sequence[Event],
        size: tuple[int, int],
        starts: Sequence[tuple[int, int]] = ((0, 0),),
        *,
        cut: bool = False,
    ) -> None:
        """``starts``: wall clock and monotonic clock (microseconds, 0 for not known) at the beginning of each part."""
        self.events = events
        self.size = size
        """Columns and lines at the beginning."""
        self.markers = [event for event in events if event.code == "m"]
        self.cut = cut
        """The beginning is missing: the recording had reached its limit. The first screens may be incomplete."""
        self._starts = starts
        self._key_frames = [number for number, event in enumerate(events) if event.code == "k"]
        self._times = [event.time for event in events]

    @classmethod
    def load(cls, path: Path) -> Replay:
        """Read the recording at ``path`` (as it is named while it is written): all its parts, packed or not.

        An unfinished last line, or the end of a file that a crash cut off, is left out. Raises UserFacingError when
        there is no recording, or a part is none.
        """
        for _ in range(ATTEMPTS):
            try:
                return cls._read(path)
            except FileNotFoundError:
                continue  # a part was packed, or dropped, between being listed and being opened
        raise UserFacingError(f"The recording {path} changes faster than it can be read.", "Try again.")

    @classmethod
    def _read(cls, path: Path) -> Replay:
        files = parts(path)
        if not files:
            raise UserFacingError(
                f"There is no recording {path}.", "It may have been switched off ([recording] in config.toml)."
            )
        events: list[Event] = []
        starts: list[tuple[int, int]] = []
        size, first = (80, 24), 1
        for number, file in enumerate(files):
            lines = _lines(file)
            header = _header(next(lines, b""), file)
            clock = header.get("ironcurtain")
            clock = clock if isinstance(clock, dict) else {}
            stamp = int(_number(header.get("timestamp")) * 1e6)
            starts.append((int(_number(clock.get("time_us"))) or stamp, int(_number(clock.get("mono_us")))))
            terminal = (int(_number(header.get("width"))) or 80, int(_number(header.get("height"))) or 24)
            if number == 0:
                size, first = terminal, int(_number(clock.get("part"))) or 1
            offset = _between(starts[0], starts[-1])
            if number and terminal != size:
                events.append(Event(offset, "r", f"{terminal[0]}x{terminal[1]}"))
            found = _events(lines, max(offset, events[-1].time if events else 0.0), offset)
            if clock.get("key_frame") is True and (first_event := next(found, None)) is not None:
                events.append(Event(first_event.time, "k", first_event.data))
            events.extend(found)
        return cls(events, size, starts, cut=first > 1)

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the last event."""
        return self._times[-1] if self._times else 0.0

    def until(self, time: float) -> int:
        """How many events have happened by ``time``: a new screen fed with ``events[:until]`` shows that moment."""
        return bisect_right(self._times, time)

    def beginning(self, place: int) -> int:
        """Number of the last event at which a fresh screen can begin to show what ``events[:place]`` make."""
        found = bisect_left(self._key_frames, place)
        return self._key_frames[found - 1] if found else 0

    def size_before(self, place: int) -> tuple[int, int]:
        """Columns and lines when the event with this number comes."""
        for event in reversed(self.events[:place]):
            if event.code == "r" and (size := parse_size(event.data)) is not None:
                return size
        return self.size

    def next_marker(self, time: float) -> Event | None:
        """The first marker after ``time``."""
        found = bisect_right([event.time for event in self.markers], time)
        return self.markers[found] if found < len(self.markers) else None

    def previous_marker(self, time: float) -> Event | None:
        """The last marker before ``time``."""
        found = bisect_left([event.time for event in self.markers], time)
        return self.markers[found - 1] if found else None

    def second_of(self, time_us: int, mono_us: int = 0) -> float:
        """The second of an audit record with these clocks; what came before or after is put to the ends.

        By the monotonic clock where the recording has it, so a jump of the wall clock does no harm; else by the
        wall clock.
        """
        return min(max(0.0, _between(self._starts[0], (time_us, mono_us))), self.duration)

    def time_us_at(self, time: float) -> int:
        """The wall clock at a second of the recording, by the last part that had begun."""
        began = max((start for start in self._starts if _between(self._starts[0], start) <= time), default=(0, 0))
        return began[0] + round((time - _between(self._starts[0], began)) * 1e6)


def parse_size(text: str) -> tuple[int, int] | None:
    """``COLSxLINES``; None when it is not that, or no size a terminal has."""
    cols, _, lines = text.partition("x")
    if cols.isascii() and lines.isascii() and cols.isdigit() and lines.isdigit():
        size = int(cols[:6]), int(lines[:6])
        if 1 <= size[0] <= 10_000 and 1 <= size[1] <= 10_000:
            return size
    return None


def _between(start: tuple[int, int], end: tuple[int, int]) -> float:
    """Seconds from one reading of wall clock and monotonic clock to another."""
    if start[1] and end[1]:
        return (end[1] - start[1]) / 1e6
    return (end[0] - start[0]) / 1e6


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines. OSError becomes UserFacingError, unless the file is gone; where a packed one is cut off, it ends."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            source: BinaryIO | gzip.GzipFile = gzip.GzipFile(fileobj=file) if packed else file
            try:
                for line in source:
                    if line.endswith(b"\n"):
                        yield line
            except (EOFError, zlib.error, gzip.BadGzipFile):
                return
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UserFacingError(f"Cannot read {path}: {error.strerror or error}.", "") from error


def _header(line: bytes, path: Path) -> dict[str, object]:
    try:
        header = json.loads(line)
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict) or header.get("version") != 2:
        raise UserFacingError(f"{path} is no recording (asciicast version 2).", "")
    return header


def _events(lines: Iterator[bytes], earliest: float, offset: float) -> Iterator[Event]:
    """The events of a part; what is none is left out, and time never goes back."""
    for line in lines:
        try:
            time, code, data = json.loads(line)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(time, (int, float)) and math.isfinite(time) and code in {"o", "r", "m"} and isinstance(data, str):
            earliest = max(earliest, offset + time)
            yield Event(earliest, code, data)


def _number(value: object) -> float:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else 0
