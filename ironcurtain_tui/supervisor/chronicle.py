"""The session's audit log, with what the rest of the session is told when a record is kept or cannot be."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import msgspec

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import AuditAppended, AuditLine, BadgeState, Flow
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.bulletin import Bulletin

TOLD_EVERY = 0.05
"""Seconds between two times that the screens are told of new records, when there are many."""


class Chronicle:
    """Open it first and close it last. ``log`` is for those who must not act without a record."""

    def __init__(self, session: SessionPaths, bulletin: Bulletin) -> None:
        self._session = session
        self._bulletin = bulletin
        self._loop = asyncio.get_running_loop()
        self._log: AuditLog | None = None
        self._listeners: list[Callable[[AuditLine], object]] = []
        self._untold: deque[AuditLine] = deque()
        self._telling = False

    @property
    def log(self) -> AuditLog:
        """The log itself; RuntimeError before it is open."""
        if self._log is None:
            raise RuntimeError("the audit log is not open yet")
        return self._log

    def tell(self, listener: Callable[[AuditLine], object]) -> None:
        """``listener`` will hear of every record once it is kept."""
        self._listeners.append(listener)

    async def open(self, redactor: Redactor) -> None:
        """UserFacingError when the log cannot be kept."""
        notary = await asyncio.to_thread(AuditDirectory(self._session.root).notary)
        self._log = await asyncio.to_thread(
            AuditLog.open,
            self._session.audit_log,
            self._session.session_id,
            redact=redactor,
            publish=self._kept_in_thread,
            notary=notary,
            on_unsigned=self._unsigned_in_thread,
        )
        self._bulletin.badge(
            "chain",
            BadgeState.OK,
            "chain",
            "Every audit record carries the hash of the one before it; every 256 of them, or 30 s, are signed.",
        )

    async def close(self) -> None:
        """Write what is under way and sign the end. Idempotent; nothing when it was never open."""
        if self._log is not None:
            await asyncio.to_thread(self._log.close)
            self._tell()  # of what was kept last

    async def record(self, kind: str, summary: str, data: object = None, *, durable: bool = True) -> None:
        """Record something that happened already; a failure is shown, not raised.

        Without ``durable`` it survives the death of every process at once, and a power cut within 30 s.
        """
        if self._log is None:
            return
        try:
            details = data if isinstance(data, dict) else None
            await self._log.append_async(kind, summary, data=details, durable=durable)
        except AuditUnavailable as error:
            self.failed(error)

    def outcome(self, flow: Flow) -> None:
        """Record what became of a request, soon.

        Its intent is on the disk; a flush for the outcome too would hold up the intent of the next request.
        """
        if self._log is None:
            return
        trouble = f": {flow.reason}" if flow.reason else ""
        summary = f"{flow.method} {flow.host}{flow.path}{trouble}"
        try:
            stored = self._log.submit("request.end", summary, data=msgspec.to_builtins(flow), durable=False)
        except AuditUnavailable as error:
            self.failed(error)
            return
        stored.add_done_callback(self._outcome_stored_in_thread)

    def _outcome_stored_in_thread(self, stored: Future[AuditLine]) -> None:
        if isinstance(error := stored.exception(), AuditUnavailable):
            self._loop.call_soon_threadsafe(self.failed, error)

    def failed(self, error: AuditUnavailable) -> None:
        """Show that a record could not be kept, so that nothing happens from now on."""
        self._bulletin.badge("chain", BadgeState.FAIL, "NO AUDIT", error.message)
        self._bulletin.notice(BadgeState.FAIL, f"{error.message} Nothing is let through until it can.", error.remedy)

    def _kept_in_thread(self, line: AuditLine) -> None:
        self._untold.append(line)
        if not self._telling:
            self._telling = True
            self._loop.call_soon_threadsafe(self._tell)

    def _unsigned_in_thread(self, error: UserFacingError) -> None:
        self._loop.call_soon_threadsafe(self._unsigned, error)

    def _tell(self) -> None:
        while self._untold:
            line = self._untold.popleft()
            self._bulletin.publish(AuditAppended(line=line))
            for listener in self._listeners:
                listener(line)
        self._loop.call_later(TOLD_EVERY, self._told)

    def _told(self) -> None:
        self._telling = False
        if self._untold:
            self._telling = True
            self._tell()

    def _unsigned(self, error: UserFacingError) -> None:
        self._bulletin.notice(
            BadgeState.WARN, f"{error.message} The audit log goes on, unsigned for now.", error.remedy
        )
