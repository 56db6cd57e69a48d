"""Whether a log is whole, by the chain alone: without the key and the ledger that ``audit.verify`` goes by as well."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.audit.chain import ChainBroken, Record, advance, locate, start
from ironcurtain_tui.events import AuditLine


@dataclass(frozen=True)
class Verification:
    """Outcome of checking a log. ``records`` counts the good ones from the start on."""

    ok: bool
    records: int
    broken_at: int | None = None
    """Number of the first bad line, from 1."""
    reason: str = ""
    torn: int = 0
    """Bytes of an unfinished last line: a record being written right now, or cut off by a crash."""


def verify(lines: Iterable[bytes], session: str | None = None) -> Verification:
    """Check a log up to its first bad line. ``lines`` keep their newlines.

    ``session`` is the session the log must belong to; None takes the first record's word for it.
    """
    head = start(session) if session is not None else None
    number = 0
    for line in lines:
        if not line.endswith(b"\n"):
            return Verification(True, number, torn=len(line))
        try:
            head = advance(head or start(locate(line).session), line)
        except ChainBroken as error:
            return Verification(False, number, number + 1, str(error))
        number += 1
    return Verification(True, number)


def verify_file(path: Path, session: str | None = None) -> Verification:
    """The same for a file."""
    with path.open("rb") as file:
        return verify(file, session)


def as_line(record: Record) -> AuditLine:
    """What the screen was shown when ``record`` was kept."""
    return AuditLine(
        seq=record.seq, time=record.time_us / 1e6, kind=record.kind, decision=record.decision, summary=record.summary
    )
