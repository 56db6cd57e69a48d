"""What can be proven of a session's log: its chain, its signatures, and what the ledger remembers of it."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ironcurtain_tui.audit.chain import ChainBroken, Head, Position, Record, follow, locate, parse, start
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.ledger import LedgerEvent, stated
from ironcurtain_tui.audit.log import CHECKPOINT
from ironcurtain_tui.audit.signature import checkpoint_text
from ironcurtain_tui.events import Value

_MAYBE_CHECKPOINT = b'"kind":"' + CHECKPOINT.encode() + b'"'
CLOCK_JUMP_US = 2_000_000
"""Difference of wall clock and monotonic clock between two records from which on it is told."""


class Proof(Value, frozen=True):
    """Outcome of checking one session's log."""

    session: str
    records: int
    """Good ones, from the first on."""
    signed: int = 0
    """Up to this record a signature of this installation's key vouches for every byte."""
    checkpoints: int = 0
    attested: int = 0
    """Up to this record the ledger agrees."""
    ok: bool = True
    broken_at: int | None = None
    """Number of the first record that is wrong or missing."""
    reason: str = ""
    ended: bool = False
    """The log was closed in order, and the ledger knows it."""
    torn: int = 0
    """Bytes of an unfinished last line."""
    notes: tuple[str, ...] = ()
    """What is no proof of tampering but worth knowing."""
    checked: float = 0.0

    @property
    def verdict(self) -> str:
        """One line for a person, also for the badge."""
        if self.ok:
            return f"verified to #{self.records:,}"
        return f"record #{self.broken_at:,}: {self.reason}" if self.broken_at else self.reason


class LogCheck:
    """Checks one log, line by line in constant memory, also one that is being written."""

    def __init__(self, session: str, directory: AuditDirectory) -> None:
        self.head = start(session)
        self.broken = ""
        self._directory = directory
        self._key = directory.key()
        self._signed = self._attested = self._torn = 0
        self._checkpoints: dict[int, str] = {}
        self._notes: list[str] = []
        self._clocks: tuple[int, int] | None = None
        self._stated: dict[int, str] = {}
        self._learned = 0
        self._last_entry: Record | None = None

    def feed(self, lines: Iterable[bytes]) -> int:
        """Check what comes next, up to the first bad line; bytes of the good ones. OSError from reading."""
        self._learn()
        self._last_entry = self._directory.ledger().last(self.head.session)
        self._torn = size = 0
        for line in lines:
            if self.broken:
                break
            if not line.endswith(b"\n"):
                self._torn = len(line)
                break
            try:
                self._check(line)
            except ChainBroken as error:
                self.broken = str(error)
                break
            size += len(line)
        return size

    def proof(self) -> Proof:
        """What is proven so far."""
        seq, last, notes = self.head.seq, self._last_entry, list(self._notes)
        broken, place = (self.broken, seq + 1) if self.broken else self._contradiction()
        if broken and not self.broken and not (ledger := self._directory.ledger()).ok:
            broken = f"nothing vouches for it, because the ledger is broken at its line {ledger.broken_at:,}"
            place = self._attested + 1
        if not broken and (unknown := self._unknown_checkpoints()):
            notes.append(f"Checkpoint #{unknown[0]:,} is not in the ledger (yet): a crash, or the ledger was cut.")
        if self._torn:
            notes.append(f"{self._torn:,} bytes of an unfinished record follow: being written, or a crash.")
        if last and last.kind != LedgerEvent.ENDED:
            notes.append("The log was not closed: the session runs, or its supervisor was killed.")
        if self._signed < seq:
            notes.append(f"Records after #{self._signed:,} are chained but not signed yet.")
        return Proof(
            session=self.head.session,
            records=min(seq, place - 1) if broken else seq,
            signed=self._signed,
            checkpoints=len(self._checkpoints),
            attested=self._attested,
            ok=not broken,
            broken_at=place if broken else None,
            reason=broken,
            ended=bool(last and last.kind == LedgerEvent.ENDED),
            torn=self._torn,
            notes=tuple(notes),
            checked=time.time(),
        )

    def _contradiction(self) -> tuple[str, int]:
        """In what the ledger contradicts a log whose records are right in themselves, and from which record on."""
        seq, last = self.head.seq, self._last_entry
        if last is None:
            return "the ledger does not know this session: not written here, or the ledger was replaced", 1
        known = stated(last).seq
        if known > seq:
            return (
                f"the ledger says that there were {known:,} records: the end is missing, or this is an older copy",
                seq + 1,
            )
        # A log that is being written was read after the ledger: what came in between is no contradiction.
        ended = last.kind == LedgerEvent.ENDED
        if ended and seq > known and self._directory.ledger().last(self.head.session) == last:
            return f"the log had ended with record {known:,}: what follows was added", known + 1
        if len(self._unknown_checkpoints()) > 1:
            self._learn()
        if len(unknown := self._unknown_checkpoints()) > 1:
            return (
                "the ledger does not know this checkpoint: the ledger was cut, or could not be written then",
                unknown[0],
            )
        return "", 0

    def _learn(self) -> None:
        """Take in what the ledger says by now, also of records that were checked before."""
        lines = self._directory.ledger().entries.get(self.head.session, [])
        for line in lines[self._learned :]:
            head = stated(line)
            self._stated[head.seq] = head.hash
            if (seen := self._checkpoints.get(head.seq)) is not None:
                self._attested = max(self._attested, head.seq)
                if seen != head.hash:
                    self.broken = self.broken or f"the ledger remembers another record #{head.seq:,}"
        self._learned = len(lines)

    def _unknown_checkpoints(self) -> list[int]:
        """Checkpoints newer than all the ledger says of this session."""
        known = max(self._stated, default=0)
        return [seq for seq in self._checkpoints if seq > known]

    def _check(self, line: bytes) -> None:
        position = locate(line)
        following = follow(self.head, line, position)
        if (remembered := self._stated.get(following.seq)) is not None:
            if remembered != following.hash:
                raise ChainBroken("the ledger remembers another record here: the log was rewritten")
            self._attested = following.seq
        if _MAYBE_CHECKPOINT in line and (record := parse(line)).kind == CHECKPOINT:
            self._check_signature(record)
            self._checkpoints[following.seq] = following.hash
        self._watch_clock(position)
        self.head = following

    def _check_signature(self, record: Record) -> None:
        if self._key is None:
            raise ChainBroken("the public key to check its signature with is missing")
        if record.data.get("key") != self._key.text:
            raise ChainBroken("this checkpoint was signed with another key than this installation's")
        if not self._key.signed(checkpoint_text(self.head), record.data.get("signature")):
            raise ChainBroken("the signature of this checkpoint is not right")
        self._signed = record.seq

    def _watch_clock(self, position: Position) -> None:
        before, self._clocks = self._clocks, (position.time_us, position.mono_us)
        if before is None or position.mono_us < before[1]:
            return  # the machine was started anew
        jump = (position.time_us - before[0]) - (position.mono_us - before[1])
        if abs(jump) >= CLOCK_JUMP_US and len(self._notes) < 20:
            self._notes.append(f"The wall clock jumped by {jump / 1e6:+,.0f} s before record #{position.seq:,}.")


def verify_log(directory: AuditDirectory, session: str) -> Proof:
    """Check one whole log. OSError when it cannot be read; that it is missing is a finding."""
    check = LogCheck(session, directory)
    try:
        with directory.log(session).open("rb") as file:
            check.feed(file)
    except FileNotFoundError:
        check.feed(())
        check.broken = "the log is missing"
    return check.proof()


def missing_sessions(directory: AuditDirectory) -> list[Head]:
    """Sessions the ledger knows whose logs are gone although retention did not remove them."""
    there, ledger = set(directory.sessions()), directory.ledger()
    return [
        stated(lines[-1])
        for session, lines in sorted(ledger.entries.items())
        if session not in there and not ledger.removed(session)
    ]


HOLDS = (
    "No record was changed, dropped, swapped or inserted since a checkpoint signed it, and no log was cut, rolled "
    "back or deleted behind what the ledger says."
)
LIMITS = (
    "Who runs as you can read the signing key, and with it write a new log and a new ledger from the start.",
    "Who rolls log and ledger back together, to copies made at the same time, leaves no trace in them. "
    "Keep the anchor printed below elsewhere, and check it with `audit verify --anchor`.",
    "Records after the last checkpoint (at most 30 s old, or 256) are chained but not signed: "
    "until then their end can be cut or rewritten without the key.",
    "The log shows what passed the doors of the container, as this program saw it: it cannot prove that the program "
    "itself, the kernel or the container engine were not changed.",
    "The agent has none of these means: log, ledger and key lie outside of its container.",
)


class RunningProof:
    """Verifies a log that grows, by its new lines only; ``restart`` to look at all of it again."""

    def __init__(self, directory: AuditDirectory, session: str) -> None:
        self._directory = directory
        self._session = session
        self.restart()

    def restart(self) -> None:
        """Begin from the first record with the next ``poll``: only that finds what changed behind our back."""
        self._check = LogCheck(self._session, self._directory)
        self._offset = 0

    def poll(self) -> Proof:
        """Check what was added since. OSError when the log cannot be read."""
        check = self._check
        with self._directory.log(self._session).open("rb") as file:
            if file.seek(0, 2) < self._offset:
                check.broken = check.broken or "the log has become shorter: it was cut or replaced"
            file.seek(self._offset)
            self._offset += check.feed(file)
        return check.proof()
