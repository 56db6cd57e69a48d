"""A small coverage-guided fuzzer: inputs that reach new code are kept and changed further.

Coverage comes from ``sys.monitoring`` (PEP 669): every line of our package reports once and is then switched off, so
that code which is known costs nothing.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType

import ironcurtain_tui

PACKAGE = str(Path(ironcurtain_tui.__file__).parent)
TOOL = 4
"""One of the numbers that sys.monitoring leaves free."""
MAX_INPUT = 4096


class Coverage:
    """Counts lines of the package that are run for the first time."""

    def __init__(self) -> None:
        self.lines = 0

    @contextmanager
    def on(self) -> Iterator[None]:
        """Watch."""
        monitoring = sys.monitoring
        monitoring.use_tool_id(TOOL, "fuzz")
        monitoring.register_callback(TOOL, monitoring.events.LINE, self._line)
        monitoring.set_events(TOOL, monitoring.events.LINE)
        monitoring.restart_events()
        try:
            yield
        finally:
            monitoring.set_events(TOOL, 0)
            monitoring.register_callback(TOOL, monitoring.events.LINE, None)
            monitoring.free_tool_id(TOOL)

    def _line(self, code: CodeType, _line: int) -> object:
        if code.co_filename.startswith(PACKAGE):
            self.lines += 1
        return sys.monitoring.DISABLE


class Mutator:
    """Changes bytes the way that finds faults in parsers: bits, blocks, and words that mean something."""

    def __init__(self, dice: random.Random, words: Iterable[bytes]) -> None:
        self._dice = dice
        self._words = [*words, *_WORDS]

    def changed(self, data: bytes, corpus: list[bytes]) -> bytes:
        """One to six changes to ``data``."""
        changed = bytearray(data)
        for _ in range(self._dice.randint(1, 6)):
            self._dice.choice(self._ways)(self, changed, corpus)
        return bytes(changed[:MAX_INPUT])

    def _flip(self, data: bytearray, _: list[bytes]) -> None:
        if data:
            data[self._dice.randrange(len(data))] ^= 1 << self._dice.randrange(8)

    def _put(self, data: bytearray, _: list[bytes]) -> None:
        at = self._dice.randint(0, len(data))
        data[at:at] = self._dice.choice(self._words)

    def _replace(self, data: bytearray, _: list[bytes]) -> None:
        start, end = self._stretch(data)
        data[start:end] = self._dice.choice(self._words)

    def _drop(self, data: bytearray, _: list[bytes]) -> None:
        start, end = self._stretch(data)
        del data[start:end]

    def _repeat(self, data: bytearray, _: list[bytes]) -> None:
        start, end = self._stretch(data)
        data[start:start] = data[start:end] * self._dice.choice((1, 1, 2, 40))

    def _splice(self, data: bytearray, corpus: list[bytes]) -> None:
        other = self._dice.choice(corpus)
        start, end = self._stretch(other)
        at = self._dice.randint(0, len(data))
        data[at:at] = other[start:end]

    def _stretch(self, data: bytes | bytearray) -> tuple[int, int]:
        start = self._dice.randint(0, len(data))
        return start, min(len(data), start + self._dice.choice((1, 2, 4, 16, 64)))

    _ways = (_flip, _put, _put, _replace, _replace, _drop, _repeat, _splice)


_WORDS = (
    b"",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    "\u2028".encode(),
    "\u202e".encode(),
    b"\r\n",
    b"\n",
    b"\x1b[",
    b'"',
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e999",
    b"1e-999",
    b"NaN",
    b"9" * 40,
    b"%2f",
    b"%00",
    b"..",
    b"/",
    b"//",
    b"@",
    b"*",
    b"=",
    b"'",
    b"#",
    b" ",
    b"\t",
)


class Fuzzer:
    """Runs ``target`` on changed inputs. Whatever it raises is a finding."""

    def __init__(
        self, target: Callable[[bytes], None], corpus: Iterable[bytes], words: Iterable[bytes], seed: int
    ) -> None:
        self._target = target
        self._dice = random.Random(seed)  # noqa: S311 -- repeatable
        self._mutator = Mutator(self._dice, words)
        self.corpus = list(corpus) or [b""]
        self.coverage = Coverage()
        self.found: list[bytes] = []
        """Inputs that reached new code, beside the corpus it began with."""

    def run(self, go_on: Callable[[int], bool]) -> int:
        """Until ``go_on`` says no to the count of runs so far, which is returned. Raises Failure."""
        count = 0
        with self.coverage.on():
            for data in self.corpus:
                self._try(data)
            while go_on(count):
                count += 1
                data = self._mutator.changed(self._dice.choice(self.corpus), self.corpus)
                before = self.coverage.lines
                self._try(data)
                if self.coverage.lines > before:
                    self.corpus.append(data)
                    self.found.append(data)
        return count

    def _try(self, data: bytes) -> None:
        try:
            self._target(data)
        except Exception as error:
            raise Failure(f"{type(error).__name__}: {error} on {data!r}", data) from error


class Failure(AssertionError):  # noqa: N818 (an outcome)
    """The target did what it must not; ``data`` makes it do so again."""

    def __init__(self, text: str, data: bytes) -> None:
        super().__init__(text)
        self.data = data
