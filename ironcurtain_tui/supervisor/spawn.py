"""Starting a supervisor that outlives its starter."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import IO, Self

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.request import Answer, LaunchRequest

START_SECONDS = 60.0
"""Commands that give keys may be waiting for a person."""


class SupervisorProcess:
    """A supervisor that loads its libraries while its starter still checks things; ``run`` tells it what to run.

    As a context manager it ends the process on leaving, unless it was told something by then.
    """

    def __init__(self) -> None:
        """Start it, in a session of its own: it keeps running when this process, its terminal or its login end."""
        self._early_log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed on leaving)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ironcurtain_tui.supervisor"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._early_log,
            start_new_session=True,
            cwd="/",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()  # told nothing, it ends
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._early_log.close()

    def run(self, request: LaunchRequest) -> SessionPaths:
        """Have it run ``request`` and wait until it can be talked to.

        UserFacingError when it refuses, and with the end of its log when it dies first or takes longer than 60 s.
        """
        session = SessionPaths.of(request.session_id)
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("pipes were asked for")
        try:
            with self._process.stdin as pipe:
                pipe.write(msgspec.json.encode(request))
        except BrokenPipeError:
            pass  # it died; its log says why
        try:
            answered, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
            told = os.read(self._process.stdout.fileno(), 1 << 16) if answered else b""
        except KeyboardInterrupt:
            self._process.terminate()
            raise
        if told:
            answer = msgspec.json.decode(told, type=Answer)
            if answer.refusal:
                raise UserFacingError(answer.refusal, answer.remedy)
            return session
        self._process.kill()
        raise UserFacingError(
            "The session's supervisor did not start.\n" + "\n".join(f"  {line}" for line in self._last_words(session)),
            f"The whole log is in {session.supervisor_log}.",
        )

    def _last_words(self, session: SessionPaths) -> list[str]:
        self._early_log.seek(0)
        early = self._early_log.read().decode("utf-8", "replace")
        session.create()
        with session.supervisor_log.open("a+", encoding="utf-8", errors="replace") as log:
            session.supervisor_log.chmod(0o600)
            log.write(early)
            log.seek(0)
            return log.read().strip().splitlines()[-8:]
