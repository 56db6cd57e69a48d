"""Reads what is kept of a session's traffic, also while it is being written."""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ironcurtain_tui.events import Flow
from ironcurtain_tui.traffic.kept import KeptFlow
from ironcurtain_tui.traffic.ring import part_numbers, part_path

BLOCK = 1 << 16
LARGEST = 32 << 20
"""Bytes of one flow's line; what claims to be longer is left out."""
MOST_FLOWS = 50_000
"""Flows whose place is remembered, the newest."""


class _Heading(msgspec.Struct, frozen=True):
    """Of a line only what lists need."""

    flow: Flow
    mono_us: int


class TrafficReader:
    """Knows where each flow stands. For one thread at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._part = 0
        self._offset = 0
        self._places: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def poll(self) -> list[tuple[Flow, int]]:
        """The flows that were finished since the last call, oldest first, each with ``mono_us``.

        What is damaged is left out. OSError when it cannot be read.
        """
        found: list[tuple[Flow, int]] = []
        for number in part_numbers(self._directory):
            if number < self._part:
                continue
            if number > self._part:
                self._part, self._offset = number, 0
            for offset, end, line in _members(part_path(self._directory, number), self._offset):
                self._offset = end
                try:
                    heading = msgspec.json.decode(line, type=_Heading)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    continue
                self._places[heading.flow.id] = number, offset
                found.append((heading.flow, heading.mono_us))
                if len(self._places) > MOST_FLOWS:
                    self._places.popitem(last=False)
        return found

    def read(self, flow: str) -> KeptFlow | None:
        """All that is kept of the flow with this id; None when nothing is, or no longer."""
        place = self._places.get(flow)
        if place is None:
            return None
        try:
            for _, _, line in _members(part_path(self._directory, place[0]), place[1]):
                return msgspec.json.decode(line, type=KeptFlow)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            pass  # the ring has gone on, or it is damaged
        return None


def _members(path: Path, start: int) -> Iterator[tuple[int, int, bytes]]:
    """Begin, end and content of each whole gzip member of a file from ``start`` on. A damaged one ends it."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return  # dropped meanwhile
    with file:
        file.seek(start)
        rest = b""
        while True:
            member, content, taken = zlib.decompressobj(16 + zlib.MAX_WBITS), bytearray(), 0
            while not member.eof:
                piece = rest or file.read(BLOCK)
                rest = b""
                if not piece:
                    return
                try:
                    content += member.decompress(piece, LARGEST - len(content) + 1)
                except zlib.error:
                    return
                if len(content) > LARGEST or member.unconsumed_tail:
                    return
                taken += len(piece) - len(member.unused_data)
            rest = member.unused_data
            yield start, start + taken, bytes(content)
            start += taken
