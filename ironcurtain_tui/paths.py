"""Where things lie on the host: ``~/.ironcurtain`` and the data files shipped with the package.

Layout (DESIGN.md section 7)::

    config.toml                     settings
    policy.toml                     rules of what is allowed; annotations/<server>.toml what tools' arguments mean
    ca/                             certificate authority of the proxy
    sessions/<id>/                  what is kept: audit.jsonl, recording*.cast.gz, session.json, supervisor.log
        state/                      the agent's own conversations, written by it (mounted into its container)
    standby/                        of the spare supervisor: call.sock, where it waits, and who it is
    audit/                          signing key and ledger of all audit logs, and their search index
    run/<id>/                       what lives only as long as the session
        control.sock                for viewers, 0600
        lease.json                  who owns the session
        sockets/                    the only directory of ours the container sees (read-only, /run/ironcurtain)
"""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from ironcurtain_tui.errors import UserFacingError

SESSION_ID = re.compile(r"[0-9a-f]{12}")
MAX_SOCKET_PATH = 104
"""Bytes a unix socket path may have: 104 on macOS (including the final NUL), 108 on Linux."""


def home() -> Path:
    """The state directory: ``$IRONCURTAIN_HOME`` or ``~/.ironcurtain``. Not created here."""
    override = os.environ.get("IRONCURTAIN_HOME")
    return Path(override).expanduser().resolve() if override else Path.home() / ".ironcurtain"


def new_session_id() -> str:
    """Twelve hexadecimal digits: short enough for socket paths, too many to collide."""
    return secrets.token_hex(6)


def resource(name: str) -> Path:
    """The directory ``styles`` or ``images``, as shipped in the wheel or as it lies in a checkout."""
    package = Path(__file__).parent
    shipped = package / "_data" / name
    return shipped if shipped.is_dir() else package.parent / name


def private_directory(path: Path) -> Path:
    """Create ``path`` (and its parents) as 0700 and return it.

    Raises UserFacingError when something else is in the way, a symlink included, or when the
    directory belongs to somebody else: another user must never be able to plant our sockets.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.lstat()
    except OSError as error:
        raise UserFacingError(
            f"Cannot create the directory {path}: {error.strerror or error}.",
            "Free space or fix its permissions, or set IRONCURTAIN_HOME to a directory you can write.",
        ) from error
    if path.is_symlink() or not path.is_dir():
        raise UserFacingError(f"{path} is not a directory.", "Remove it and try again.")
    if status.st_uid != os.geteuid():
        raise UserFacingError(f"{path} belongs to another user (uid {status.st_uid}).", "Set IRONCURTAIN_HOME.")
    if status.st_mode & 0o077:
        path.chmod(0o700)
    return path


@dataclass(frozen=True)
class SessionPaths:
    """Every path of one session. Nothing is created until ``create`` is called."""

    session_id: str
    root: Path

    @classmethod
    def of(cls, session_id: str, root: Path | None = None) -> SessionPaths:
        """Paths of ``session_id``; ValueError when it is not one of our identifiers."""
        if not SESSION_ID.fullmatch(session_id):
            raise ValueError(f"not a session id: {session_id!r}")
        return cls(session_id, root or home())

    @property
    def kept(self) -> Path:
        return self.root / "sessions" / self.session_id

    @property
    def run(self) -> Path:
        return self.root / "run" / self.session_id

    @property
    def sockets(self) -> Path:
        return self.run / "sockets"

    @property
    def control_socket(self) -> Path:
        return self.run / "control.sock"

    @property
    def lease(self) -> Path:
        return self.run / "lease.json"

    @property
    def proxy_socket(self) -> Path:
        return self.sockets / "proxy.sock"

    @property
    def mcp_socket(self) -> Path:
        return self.sockets / "mcp.sock"

    @property
    def audit_log(self) -> Path:
        return self.kept / "audit.jsonl"

    @property
    def recording(self) -> Path:
        """As it is while it is written; ``terminal.recording.parts`` finds all that belongs to it."""
        return self.kept / "recording.cast"

    @property
    def traffic(self) -> Path:
        """Directory of what is kept of requests and responses."""
        return self.kept / "traffic"

    @property
    def supervisor_log(self) -> Path:
        return self.kept / "supervisor.log"

    @property
    def screen_log(self) -> Path:
        return self.kept / "screen.log"

    @property
    def user_context(self) -> Path:
        """What the person had said when a question came up last."""
        return self.kept / "user-context.json"

    @property
    def policy(self) -> Path:
        return self.kept / "policy.toml"

    @property
    def state(self) -> Path:
        return self.kept / "state"

    @property
    def record(self) -> Path:
        return self.kept / "session.json"

    def create(self) -> None:
        """Make the session's directories; UserFacingError when a socket path would be too long."""
        for path in (self.root, self.root / "sessions", self.root / "run", self.kept, self.run, self.sockets):
            private_directory(path)
        if (
            len(os.fsencode(self.control_socket)) >= MAX_SOCKET_PATH
            or len(os.fsencode(self.proxy_socket)) >= MAX_SOCKET_PATH
        ):
            raise UserFacingError(
                f"The path {self.proxy_socket} is too long for a socket ({MAX_SOCKET_PATH} bytes at most).",
                "Set IRONCURTAIN_HOME to a shorter directory.",
            )
