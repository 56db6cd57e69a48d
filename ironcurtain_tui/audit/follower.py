"""Keeps the index and the proofs of all sessions up to date, in a process of its own: the screen never waits for it.

Started with the state directory as argument, it writes reports on standard output, one JSON object a line, until its
standard input ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex
from ironcurtain_tui.audit.verify import Proof, RunningProof, missing_sessions
from ironcurtain_tui.errors import UserFacingError

INDEX_STEP = 8192
"""Records indexed between two reports."""
POLL_SECONDS = 0.3
RECHECK_SECONDS = 60.0
"""Seconds after which a log that did not change is verified anew from its first record."""
RECHECK_SHARE = 20
"""How many times as long as a check took, at least, until the log is checked again."""
NICENESS = 10


class Report(msgspec.Struct, frozen=True, kw_only=True, tag_field="report", forbid_unknown_fields=True):
    """Base of what the follower tells."""


class Indexed(Report, frozen=True, tag="indexed"):
    """Records were added to the index."""

    records: int
    complete: bool
    """Nothing more waits to be indexed."""


class Checked(Report, frozen=True, tag="checked"):
    """One session's log was verified, as far as it goes."""

    proof: Proof


class Missing(Report, frozen=True, tag="missing"):
    """Sessions the ledger knows whose logs are gone; again when that changes."""

    sessions: tuple[str, ...]


class Trouble(Report, frozen=True, tag="trouble"):
    """Something cannot be done; it is tried again."""

    text: str
    remedy: str


AnyReport = Indexed | Checked | Missing | Trouble


class Watch:
    """One log's proof: continued when the log grew, begun anew when it changed otherwise or a while has passed."""

    def __init__(self, directory: AuditDirectory, session: str) -> None:
        self._proof = RunningProof(directory, session)
        self._path = directory.log(session)
        self._seen = (-1, -1)
        self._again = 0.0
        self._broken = False

    def check(self) -> Proof | None:
        """What is proven now; None when there is nothing to do. OSError when the log cannot be read."""
        status = self._path.stat()
        version, began = (status.st_size, status.st_mtime_ns), time.monotonic()
        if version == self._seen and began < self._again:
            return None
        whole = version[0] <= self._seen[0] or began >= self._again or self._broken
        if whole:
            self._proof.restart()
        proof = self._proof.poll()
        self._seen, self._broken = version, not proof.ok
        if whole:
            took = time.monotonic() - began
            self._again = began + took + max(RECHECK_SECONDS, RECHECK_SHARE * took)
        return proof


class Verifier:
    """Verifies all logs, those that changed last first."""

    def __init__(self, directory: AuditDirectory, tell: Callable[[AnyReport], None]) -> None:
        self._directory = directory
        self._tell = tell
        self._watches: dict[str, Watch] = {}
        self._missing: tuple[str, ...] = ()

    def step(self) -> bool:
        """Look at every log once; False: that was all. UserFacingError when ledger or key cannot be read."""
        paths = dict(self._directory.logs())
        for session in sorted(paths, key=lambda session: _changed(paths[session]), reverse=True):
            if session not in self._watches:
                self._watches[session] = Watch(self._directory, session)
            try:
                proof = self._watches[session].check()
            except OSError:
                continue  # removed just now: missing_sessions tells
            if proof is not None:
                self._tell(Checked(proof=proof))
        missing = tuple(head.session for head in missing_sessions(self._directory))
        if missing != self._missing:
            self._missing = missing
            self._tell(Missing(sessions=missing))
        return False


def index_step(index: AuditIndex, tell: Callable[[AnyReport], None]) -> bool:
    """Take in some of what is new; whether there may be more."""
    added = index.refresh(INDEX_STEP)
    more = added >= INDEX_STEP
    if added:
        tell(Indexed(records=added, complete=not more))
    return more


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def main(root: Path) -> None:
    """Follow until standard input ends."""
    os.nice(NICENESS)
    writing = threading.Lock()
    over = threading.Event()

    def tell(report: AnyReport) -> None:
        with writing:
            try:
                sys.stdout.buffer.write(msgspec.json.encode(report) + b"\n")
                sys.stdout.buffer.flush()
            except OSError:
                over.set()

    def repeat(step: Callable[[], bool]) -> None:
        while not over.is_set():
            try:
                if step():
                    continue
            except UserFacingError as error:
                tell(Trouble(text=error.message, remedy=error.remedy))
                over.wait(5)
            over.wait(POLL_SECONDS)

    def verify() -> None:
        verifier = Verifier(AuditDirectory(root), tell)
        repeat(verifier.step)

    def index() -> None:
        try:
            with AuditIndex(AuditDirectory(root)) as opened:
                repeat(lambda: index_step(opened, tell))
        except UserFacingError as error:
            tell(Trouble(text=error.message, remedy=error.remedy))

    for work in (index, verify):
        threading.Thread(target=work, name=work.__name__, daemon=True).start()
    sys.stdin.buffer.read()
    over.set()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
