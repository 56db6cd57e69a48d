"""Fuzz for a while: ``python -m tests.fuzz [--seconds N] [--seed N] [--keep] [TARGET ...]``.

A finding is printed with the input that makes it. ``--keep`` puts new inputs into the corpus, the shortest first and
at most MOST of a target.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import time
from pathlib import Path

from tests.fuzz.guided import Failure, Fuzzer
from tests.fuzz.targets import TARGETS

CORPUS = Path(__file__).parent / "corpus"
MOST = 24
LONGEST = 512


def seeds(name: str) -> list[bytes]:
    """The corpus of a target, in a fixed order."""
    return [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))]


def main() -> int:
    """1 when something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", choices=[*TARGETS, []], metavar="TARGET")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    found = 0
    for name in options.targets or TARGETS:
        target = TARGETS[name]
        fuzzer = Fuzzer(target.check, seeds(name), target.words, options.seed)
        deadline = time.monotonic() + options.seconds
        try:
            count = fuzzer.run(lambda _, deadline=deadline: time.monotonic() < deadline)
        except Failure as failure:
            found = 1
            sys.stderr.write(f"{name} (seed {options.seed}): {failure}\n")
            continue
        sys.stderr.write(f"{name}: {count} runs, {fuzzer.coverage.lines} lines, {len(fuzzer.found)} new inputs\n")
        if options.keep:
            keep(name, fuzzer.found)
    return found


def keep(name: str, inputs: list[bytes]) -> None:
    """Add ``inputs`` to the corpus of ``name``."""
    directory = CORPUS / name
    directory.mkdir(parents=True, exist_ok=True)
    room = MOST - len(list(directory.iterdir()))
    for data in sorted((each for each in inputs if len(each) <= LONGEST), key=len)[: max(0, room)]:
        (directory / hashlib.sha256(data).hexdigest()[:12]).write_bytes(data)


if __name__ == "__main__":
    sys.exit(main())
