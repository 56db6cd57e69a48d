"""The ledger: what every session's log had come to, kept outside of the sessions' own directories.

It is a chained log like theirs (``chain.py``, with ``ledger`` for a session id) in which every line is signed, so
that a log that was cut, rolled back or deleted contradicts it. All supervisors of an installation append to the one
file, one at a time. Format: docs/audit-format.md.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from ironcurtain_tui.audit.chain import ChainBroken, Entry, Head, Record, advance, link, parse, start
from ironcurtain_tui.audit.signature import SigningKey, VerifyingKey, checkpoint_text, ledger_text
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.private_files import flush_directory

LEDGER_FILE = "ledger.jsonl"
NAME = "ledger"
"""Stands where a session's log has its id."""


class LedgerEvent(StrEnum):
    """What happened to a session's log."""

    OPENED = "opened"
    CHECKPOINT = "checkpoint"
    ENDED = "ended"
    REMOVED = "removed"
    """Retention deleted the session: from now on it may be missing."""


class LedgerUnavailable(UserFacingError):  # noqa: N818 -- reads as what it says
    """The ledger could not be written."""


class Notary:
    """Signs how far a session's log has come, and enters it into the ledger. Safe to use from several processes."""

    def __init__(self, directory: Path, key: SigningKey) -> None:
        self.path = directory / LEDGER_FILE
        self._key = key

    @classmethod
    def of(cls, directory: Path) -> Notary:
        """The installation's notary (``~/.ironcurtain/audit``); UserFacingError when its key is not usable."""
        return cls(directory, SigningKey.load_or_create(directory))

    def statement(self, head: Head) -> dict[str, object]:
        """The ``data`` of a checkpoint record that follows ``head``."""
        return {"key": self._key.public.text, "signature": self._key.sign(checkpoint_text(head)), "records": head.seq}

    def enter(self, event: LedgerEvent, head: Head, details: Mapping[str, object] | None = None) -> None:
        """Append a line about the log that ends in ``head``, and return when it is durable.

        Raises LedgerUnavailable when that is impossible, also because the ledger's last line is not right.
        """
        try:
            with _exclusively(self.path) as descriptor:
                ledger, size = _end(descriptor)
                signature = self._key.sign(ledger_text(ledger, event, head))
                data = {
                    "session": head.session,
                    "seq": head.seq,
                    "hash": head.hash,
                    "key": self._key.public.text,
                    "signature": signature,
                    **(details or {}),
                }
                now, mono = time.time_ns() // 1000, time.monotonic_ns() // 1000
                entry = Entry(time_us=now, mono_us=mono, kind=event, summary=_SUMMARY[event].format(head), data=data)
                line, _ = link(ledger, entry)
                _append(descriptor, size, line)
        except OSError as error:
            raise LedgerUnavailable(
                f"The ledger {self.path} cannot be written: {error.strerror or error}.", "Free space on the disk."
            ) from error
        except ChainBroken as error:
            raise LedgerUnavailable(
                f"The ledger {self.path} is damaged at its end: {error}.",
                "Look at it (`ironcurtain-tui audit verify`), then move it away; a new one is begun.",
            ) from error


@dataclass(frozen=True)
class LedgerView:
    """The ledger as read and checked, up to its first bad line."""

    lines: int = 0
    ok: bool = True
    broken_at: int | None = None
    reason: str = ""
    entries: dict[str, list[Record]] = field(default_factory=dict)
    """Of each session, its lines in order."""
    head: Head = field(default_factory=lambda: start(NAME))

    def last(self, session: str) -> Record | None:
        """The newest line about ``session``."""
        lines = self.entries.get(session)
        return lines[-1] if lines else None

    def removed(self, session: str) -> bool:
        """Whether retention removed the session."""
        return any(line.kind == LedgerEvent.REMOVED for line in self.entries.get(session, ()))


def read_ledger(path: Path, key: VerifyingKey | None) -> LedgerView:
    """Check the ledger's chain and signatures (``key`` None: no signature is right). No file: an empty ledger.

    OSError when it cannot be read.
    """
    heads = [start(NAME)]
    records: list[Record] = []
    reason = ""
    try:
        with path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break  # being written, or cut off by a crash; the next writer removes it
                try:
                    record = parse(line)
                    stated(record)
                    heads.append(advance(heads[-1], line))
                except ChainBroken as error:
                    reason = str(error)
                    break
                records.append(record)
    except FileNotFoundError:
        pass
    good = len(records)
    if records and _wrong_signature(heads[-2], records[-1], key):
        # The last signature vouches for all lines before it; only to find the place each is looked at.
        wrongs = (_wrong_signature(*pair, key) for pair in zip(heads, records, strict=False))
        good, reason = next((number, wrong) for number, wrong in enumerate(wrongs) if wrong)
    entries: dict[str, list[Record]] = {}
    for record in records[:good]:
        entries.setdefault(stated(record).session, []).append(record)
    return LedgerView(good, not reason, good + 1 if reason else None, reason, entries, heads[good])


def stated(line: Record) -> Head:
    """How far a line of the ledger says its session's log had come. ChainBroken when it does not say."""
    session, seq, digest = line.data.get("session"), line.data.get("seq"), line.data.get("hash")
    if isinstance(session, str) and isinstance(seq, int) and isinstance(digest, str):
        return Head(session, seq, digest)
    raise ChainBroken("it does not say which log it is about")


def _wrong_signature(ledger: Head, line: Record, key: VerifyingKey | None) -> str:
    """What is wrong with the signature of ``line``, which follows ``ledger``; empty when nothing is."""
    if key is None:
        return "the public key to check its signature with is missing"
    if line.data.get("key") != key.text:
        return "it was signed with another key than this installation's"
    if not key.signed(ledger_text(ledger, line.kind, stated(line)), line.data.get("signature")):
        return "its signature is not right"
    return ""


@contextmanager
def _exclusively(path: Path) -> Iterator[int]:
    new = not path.exists()
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
        if new:
            flush_directory(path.parent)
    finally:
        os.close(descriptor)


def _end(descriptor: int) -> tuple[Head, int]:
    """The ledger's head and its size without an unfinished last line. ChainBroken when the last line is not right."""
    size = os.fstat(descriptor).st_size
    step, text = 4096, b""
    while True:
        begin = max(0, size - step)
        text = os.pread(descriptor, size - begin, begin)
        whole = text[: text.rfind(b"\n") + 1]
        if whole.count(b"\n") > 1 or begin == 0:
            break
        step *= 2
    lines = whole.splitlines(keepends=True)
    if not lines:
        return start(NAME), 0
    last = parse(lines[-1])
    before = Head(NAME, last.seq - 1, last.prev)
    return advance(before, lines[-1]), begin + len(whole)


def _append(descriptor: int, size: int, line: bytes) -> None:
    """Add ``line`` behind ``size`` bytes, whole or not at all."""
    os.ftruncate(descriptor, size)
    try:
        view = memoryview(line)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


_SUMMARY = {
    LedgerEvent.OPENED: "Log of {0.session} opened after record {0.seq}.",
    LedgerEvent.CHECKPOINT: "Log of {0.session} has come to record {0.seq}.",
    LedgerEvent.ENDED: "Log of {0.session} ended with record {0.seq}.",
    LedgerEvent.REMOVED: "Session {0.session} with {0.seq} records was removed.",
}
