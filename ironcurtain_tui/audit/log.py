"""The writer of the audit log: one thread owns the file, so records have one order and share their disk flushes."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import logging
import os
import queue
import stat
import sys
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ironcurtain_tui.audit.chain import ChainBroken, Entry, Head, advance, link, start
from ironcurtain_tui.audit.ledger import LedgerEvent, LedgerUnavailable, Notary
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import AuditLine, Decision
from ironcurtain_tui.private_files import flush_directory

log = logging.getLogger(__name__)

REPAIRED = "audit.repaired"
RESUMED = "audit.resumed"
CHECKPOINT = "audit.checkpoint"
CHECKPOINT_RECORDS = 256
"""Records after which the log is signed again."""
CHECKPOINT_SECONDS = 30.0
"""Seconds after which it is, when there is anything new."""
LARGEST_BATCH = 512
LARGEST_UNFLUSHED = 1 << 20
"""Bytes after which records that nobody waits for are flushed all the same."""


class AuditUnavailable(UserFacingError):  # noqa: N818 -- reads as what it says
    """A record could not be made durable: what it was about must not happen."""


@dataclass(frozen=True)
class _Request:
    entry: Entry
    durable: bool
    done: Future[AuditLine]


class AuditLog:
    """The log of one session, open for appending. Thread-safe; ``close`` it.

    An append that fails leaves nothing behind in the chain. Every further one tries anew (first putting right
    what the failed one left in the file), so the log is unavailable exactly as long as the disk is; the first
    record after such a time tells how many were refused.
    """

    def __init__(
        self,
        path: Path,
        descriptor: int,
        head: Head,
        size: int,
        redact: Redactor,
        publish: Callable[[AuditLine], None],
        notary: Notary | None,
        on_unsigned: Callable[[UserFacingError], None],
    ) -> None:
        self.path = path
        self._descriptor = descriptor
        self._head = head
        self._durable_size = size
        self._unflushed = bytearray()
        self._damaged = False
        self._refused = 0
        self._redact = redact
        self._publish = publish
        self._notary = notary
        self._on_unsigned = on_unsigned
        self._signed = head.seq
        self._sign_at: float | None = None
        self._requests: queue.SimpleQueue[_Request | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._run, name="audit-log", daemon=True)

    @classmethod
    def open(
        cls,
        path: Path,
        session_id: str,
        *,
        redact: Redactor | None = None,
        publish: Callable[[AuditLine], None] = lambda _: None,
        notary: Notary | None = None,
        on_unsigned: Callable[[UserFacingError], None] = lambda _: None,
    ) -> Self:
        """Create the log (0600), or verify an existing one and go on after its last record.

        A last line that a crash cut off is removed and recorded (``audit.repaired``). ``redact`` is applied to
        every record before it is stored. ``publish`` gets every record as it is stored, in order, called in the
        writer's thread. ``notary`` signs the log every CHECKPOINT_RECORDS records or CHECKPOINT_SECONDS and at the
        end; when its ledger fails on the way, ``on_unsigned`` is told, in that thread too, and it is tried again
        with the next checkpoint.

        Raises AuditUnavailable when the file cannot be opened, is being written by somebody else, is no regular
        file, its chain does not verify, or the ledger cannot be written.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise _unavailable(path, error.strerror or str(error)) from error
        try:
            _claim(path, descriptor)
            head, size, torn = _read_chain(path, descriptor, session_id)
            if torn:
                os.ftruncate(descriptor, size)
            flush_directory(path.parent)
            if notary is not None:
                notary.enter(LedgerEvent.OPENED, head)
        except OSError as error:
            os.close(descriptor)
            raise _unavailable(path, error.strerror or str(error)) from error
        except LedgerUnavailable as error:
            os.close(descriptor)
            raise AuditUnavailable(error.message, error.remedy) from error
        except AuditUnavailable:
            os.close(descriptor)
            raise
        audit = cls(path, descriptor, head, size, redact or Redactor(), publish, notary, on_unsigned)
        audit._writer.start()
        if torn:
            try:
                audit.append(
                    REPAIRED,
                    f"Removed an unfinished record of {len(torn)} bytes that a crash had left at the end.",
                    data={"bytes": len(torn), "sha256": hashlib.sha256(torn).hexdigest()},
                )
            except AuditUnavailable:
                audit.close()
                raise
        return audit

    @property
    def head(self) -> Head:
        """Number and hash of the last stored record."""
        return self._head

    @property
    def size(self) -> int:
        """Bytes of what is stored."""
        return self._durable_size + len(self._unflushed)

    def submit(
        self,
        kind: str,
        summary: str,
        *,
        decision: Decision | None = None,
        data: Mapping[str, object] | None = None,
        durable: bool = True,
    ) -> Future[AuditLine]:
        """Hand a record in, as for ``append``, without waiting for it.

        The result is set in the writer's thread. Cancelling it succeeds as long as the record is not being written,
        which it then never is. Raises AuditUnavailable when the log is closed.
        """
        details = self._redact.members(data or {})
        request = _Request(_entry(kind, self._redact.text(summary), decision, details), durable, Future())
        with self._closing:  # nothing may be queued behind the end
            if self._closed or not self._writer.is_alive():
                raise _unavailable(self.path, "the log is closed")
            self._requests.put(request)
        return request.done

    def append(
        self,
        kind: str,
        summary: str,
        *,
        decision: Decision | None = None,
        data: Mapping[str, object] | None = None,
        durable: bool = True,
    ) -> AuditLine:
        """Store a record and return it as the screen shows it; with ``durable``, once it would survive a power cut.

        Raises AuditUnavailable when that could not be done: the effect must then not happen. TypeError or
        RecursionError for ``data`` that is no JSON.
        """
        return self.submit(kind, summary, decision=decision, data=data, durable=durable).result()

    async def append_async(
        self,
        kind: str,
        summary: str,
        *,
        decision: Decision | None = None,
        data: Mapping[str, object] | None = None,
        durable: bool = True,
    ) -> AuditLine:
        """``append`` for asyncio: records keep the order of the calls, and those under way share one flush.

        When the caller is cancelled, the record may or may not be stored.
        """
        return await asyncio.wrap_future(self.submit(kind, summary, decision=decision, data=data, durable=durable))

    def close(self) -> None:
        """Store what was handed in, flush, and release the file. Safe to call twice.

        Never raises: who needs to know that a record is durable has waited for it.
        """
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._requests.put(None)
        self._writer.join()
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        """The writer's thread: all that is waiting becomes one write and, if anybody waits for it, one flush."""
        while True:
            try:
                request = self._requests.get(timeout=self._until_checkpoint())
            except queue.Empty:
                self._checkpoint()
                continue
            if request is None:
                break
            batch = [request]
            ended = False
            while len(batch) < LARGEST_BATCH and not ended:
                try:
                    following = self._requests.get_nowait()
                except queue.Empty:
                    break
                if following is None:
                    ended = True
                else:
                    batch.append(following)
            self._store([request for request in batch if request.done.set_running_or_notify_cancel()])
            if self._head.seq - self._signed >= CHECKPOINT_RECORDS:
                self._checkpoint()
            if ended:
                break
        if self._head.seq > self._signed:
            self._checkpoint()
        try:
            self._mend()
            self._flush()
        except (OSError, AuditUnavailable):
            return  # whoever waited for a record was told; what nobody waited for is lost with the disk
        self._enter(LedgerEvent.ENDED)

    def _until_checkpoint(self) -> float | None:
        """Seconds until what was stored has to be signed; None when nothing new was."""
        if self._notary is None or (self._head.seq == self._signed and not self._refused):
            return None
        if self._sign_at is None:
            self._sign_at = time.monotonic() + CHECKPOINT_SECONDS
        return max(0.0, self._sign_at - time.monotonic())

    def _checkpoint(self) -> None:
        """Sign all that was stored, in the log and in the ledger; when that fails, the next one makes up for it."""
        if self._notary is None:
            return
        self._sign_at = time.monotonic() + CHECKPOINT_SECONDS  # unless it succeeds
        if self._refused:
            self._store([])  # tells of them: the checkpoint has to come right after what it signs
            if self._refused:
                return
        before = self._head
        summary = f"all records up to {before.seq} are signed"
        request = _Request(_entry(CHECKPOINT, summary, None, self._notary.statement(before)), True, Future())
        self._store([request])
        if request.done.exception() is None:
            self._sign_at = None
            self._signed = self._head.seq
            self._enter(LedgerEvent.CHECKPOINT)

    def _enter(self, event: LedgerEvent) -> None:
        if self._notary is None:
            return
        try:
            self._notary.enter(event, self._head)
        except LedgerUnavailable as error:
            log.error("not in the ledger: %s", error)
            self._on_unsigned(error)

    def _store(self, batch: list[_Request]) -> None:
        """Write ``batch`` as a whole, or nothing of it, and tell those who wait."""
        head = self._head
        text = b""
        stored: list[tuple[_Request, AuditLine]] = []
        if self._refused:
            batch = [self._resumption(), *batch]
        for request in batch:
            try:
                record, head = link(head, request.entry)
            except Exception as error:
                request.done.set_exception(error)
            else:
                text += record
                stored.append((request, _as_line(head, request.entry)))
        accepted = len(self._unflushed)
        try:
            self._mend()
            self._write(text)
            self._unflushed += text
            if any(request.durable for request, _ in stored) or len(self._unflushed) > LARGEST_UNFLUSHED:
                self._flush()
        except OSError as error:
            self._damaged = True
            refusal = _unavailable(self.path, error.strerror or str(error))
            refusal.__cause__ = error
            self._refuse(batch, accepted, refusal)
            return
        except AuditUnavailable as error:
            self._refuse(batch, accepted, error)
            return
        self._head = head
        self._refused = 0
        for request, line in stored:
            self._tell(line)
            request.done.set_result(line)

    def _refuse(self, batch: list[_Request], accepted: int, error: AuditUnavailable) -> None:
        """Forget ``batch`` and tell those who wait."""
        del self._unflushed[accepted:]
        self._refused += sum(request.entry.kind not in {RESUMED, CHECKPOINT} for request in batch)
        try:
            self._mend()
        except (OSError, AuditUnavailable):
            pass  # the next append tries again
        for request in batch:
            if not request.done.done():
                request.done.set_exception(error)

    def _resumption(self) -> _Request:
        summary = f"The log could not be written for a while; {self._refused} records were refused."
        return _Request(_entry(RESUMED, summary, None, {"refused": self._refused}), True, Future())

    def _tell(self, line: AuditLine) -> None:
        try:
            self._publish(line)
        except Exception:
            log.exception("record %d was stored but could not be published", line.seq)

    def _mend(self) -> None:
        """Make the file hold exactly what was accepted, after a write or flush that failed.

        After a failed flush the kernel may have dropped what it could not write, so all that is not known to be
        durable is written anew. AuditUnavailable when somebody else changed the file.
        """
        status = os.fstat(self._descriptor)
        if status.st_nlink == 0:
            raise _unavailable(self.path, "somebody removed it")
        expected = self._durable_size + len(self._unflushed)
        if status.st_size < self._durable_size or (not self._damaged and status.st_size != expected):
            raise _unavailable(self.path, "somebody else changed it")
        if self._damaged:
            os.ftruncate(self._descriptor, self._durable_size)
            self._write(bytes(self._unflushed))
            self._damaged = False

    def _write(self, text: bytes) -> None:
        while text:
            text = text[os.write(self._descriptor, text) :]

    def _flush(self) -> None:
        _flush_file(self._descriptor)
        self._durable_size += len(self._unflushed)
        self._unflushed.clear()


def _entry(kind: str, summary: str, decision: Decision | None, data: Mapping[str, object]) -> Entry:
    return Entry(
        time_us=time.time_ns() // 1000,
        mono_us=time.monotonic_ns() // 1000,
        kind=kind,
        summary=summary,
        decision=decision,
        data=data,
    )


def _as_line(head: Head, entry: Entry) -> AuditLine:
    return AuditLine(
        seq=head.seq, time=entry.time_us / 1e6, kind=entry.kind, decision=entry.decision, summary=entry.summary
    )


def _claim(path: Path, descriptor: int) -> None:
    """Make sure that ``descriptor`` is a file of ours alone, to be written by nobody else."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise _unavailable(path, "it is not a file")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _unavailable(path, "another process is writing it") from error
    os.fchmod(descriptor, 0o600)


def _read_chain(path: Path, descriptor: int, session_id: str) -> tuple[Head, int, bytes]:
    """Verify what the file holds: its head, the bytes of whole records, and an unfinished last line."""
    head, size = start(session_id), 0
    with open(descriptor, "rb", closefd=False) as file:
        for line in file:
            if not line.endswith(b"\n"):
                return head, size, line
            try:
                head = advance(head, line)
            except ChainBroken as error:
                raise _unavailable(path, f"its record {head.seq + 1} is not right: {error}") from error
            size += len(line)
    return head, size, b""


def _flush_file(descriptor: int) -> None:
    """Data to the disk itself; macOS has no fdatasync and its fsync stops at the drive's cache."""
    if sys.platform == "darwin":
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def _unavailable(path: Path, why: str) -> AuditUnavailable:
    return AuditUnavailable(
        f"The audit log {path} cannot be written: {why}.",
        "Nothing that has to be recorded happens until it can be. Free space on the disk, or look at the file.",
    )
