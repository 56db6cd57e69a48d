"""Where everything that belongs to the audit lies: the logs of all sessions, and what vouches for them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.audit.ledger import LEDGER_FILE, LedgerView, Notary, read_ledger
from ironcurtain_tui.audit.signature import VerifyingKey
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SESSION_ID, SessionPaths, private_directory


class AuditDirectory:
    """The audit of one installation. Nothing is created until ``notary`` is called."""

    def __init__(self, root: Path | None = None) -> None:
        """``root``: the state directory, by default ``paths.home()``."""
        self.root = root or paths.home()
        self.path = self.root / "audit"
        self.ledger_path = self.path / LEDGER_FILE
        self.index_path = self.path / "index.sqlite"
        self._ledger: tuple[tuple[int, int], LedgerView] | None = None

    def notary(self) -> Notary:
        """Who signs for this installation; UserFacingError when its key is not usable."""
        private_directory(self.root)
        return Notary.of(self.path)

    def key(self) -> VerifyingKey | None:
        """The public key, None when no session ever ran here; UserFacingError when it is not to be trusted."""
        return VerifyingKey.load(self.path)

    def ledger(self) -> LedgerView:
        """The ledger as it is now, checked. Reads it anew only when it changed. UserFacingError when it cannot."""
        try:
            status = self.ledger_path.stat()
            version = (status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            version = (0, 0)
        if self._ledger is None or self._ledger[0] != version:
            try:
                self._ledger = version, read_ledger(self.ledger_path, self.key())
            except OSError as error:
                raise UserFacingError(f"Cannot read {self.ledger_path}: {error.strerror}.", "Fix that.") from error
        return self._ledger[1]

    def directories(self) -> list[str]:
        """Ids of the sessions of which anything is kept, in no order of meaning."""
        try:
            return sorted(one.name for one in (self.root / "sessions").iterdir() if SESSION_ID.fullmatch(one.name))
        except FileNotFoundError:
            return []

    def sessions(self) -> list[str]:
        """Ids of the sessions that have a log, in no order of meaning."""
        return [session for session in self.directories() if self.log(session).is_file()]

    def log(self, session: str) -> Path:
        """The log of ``session``; ValueError when that is no session id."""
        return SessionPaths.of(session, self.root).audit_log

    def find(self, wanted: str) -> str:
        """The session whose id begins with ``wanted``; UserFacingError when there is none or more than one."""
        fitting = [session for session in self.sessions() if session.startswith(wanted)]
        if not fitting and not wanted:
            raise UserFacingError("No session has left a log yet.", "Start one with `ironcurtain-tui run`.")
        if len(fitting) != 1:
            raise UserFacingError(
                f"{len(fitting) or 'No'} sessions with a log start with {wanted!r}.",
                "`ironcurtain-tui sessions` lists them.",
            )
        return fitting[0]

    def logs(self) -> Iterator[tuple[str, Path]]:
        """All sessions with their logs."""
        return ((session, self.log(session)) for session in self.sessions())
