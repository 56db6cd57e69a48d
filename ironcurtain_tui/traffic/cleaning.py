"""Our end of the confined process that undoes content codings and finds what looks like a secret."""

from __future__ import annotations

import os
import re
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

import msgspec

import ironcurtain_tui
from ironcurtain_tui.config import RedactionSettings

SECONDS = 15.0
"""For one answer, the start of the process included; one that takes longer is ended."""
MOST_CODINGS = 3
REDACT = "=redact"
"""No name of a coding (RFC 9110: a token)."""
_CODING = re.compile(r"[a-z0-9-]{1,20}")


class Uncleanable(Exception):  # noqa: N818 (an outcome)
    """It cannot be done. The message says why, in our words."""


class Cleaner:
    """Starts the process with the first body. For one thread; ``close`` it."""

    def __init__(self, settings: RedactionSettings) -> None:
        self._settings = msgspec.json.encode(settings).decode()
        self._process: subprocess.Popen[bytes] | None = None

    def undo(self, codings: str, data: bytes, most: int) -> bytes:
        """At most ``most`` bytes of the body ``data`` that ``Content-Encoding`` says is coded so; Uncleanable."""
        names = [name.strip().lower() for name in codings.split(",")]
        if len(names) > MOST_CODINGS:
            raise Uncleanable("it is coded too often")
        for name in reversed(names):
            if name not in ("", "identity"):
                if not _CODING.fullmatch(name):
                    raise Uncleanable("its coding has no name")
                data = self._ask(name, data, most)
        return data

    def redact(self, text: str) -> str:
        """``text`` without what looks like a secret; Uncleanable."""
        data = text.encode("utf-8", "replace")
        return self._ask(REDACT, data, 4 * len(data)).decode()

    def close(self) -> None:
        """End the process. Safe to call twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _ask(self, name: str, data: bytes, most: int) -> bytes:
        question = bytes([len(name)]) + name.encode("ascii") + struct.pack(">II", most, len(data)) + data
        try:
            failed, answer = self._exchange(question, most)
        except (OSError, ValueError) as error:
            self.close()
            raise Uncleanable("the process that looks into bodies failed") from error
        if failed:
            raise Uncleanable(answer.decode("ascii", "replace"))
        return answer

    def _exchange(self, question: bytes, most: int) -> tuple[bool, bytes]:
        process = self._running()
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        until = time.monotonic() + SECONDS
        into, out = process.stdin.fileno(), process.stdout.fileno()
        os.set_blocking(into, False)
        received = b""
        while len(received) < 5 or len(received) < 5 + struct.unpack(">I", received[1:5])[0]:
            left = until - time.monotonic()
            ready, free, _ = select.select([out], [into] if question else [], [], max(0.0, left))
            if not ready and not free:
                raise TimeoutError
            if free:
                question = question[os.write(into, question) :]
            if ready:
                piece = os.read(out, 1 << 16)
                received += piece
                if not piece or len(received) > 5 + most + (1 << 10):
                    raise ValueError("no answer")
        return received[0] != 0, received[5:]

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            self._process = subprocess.Popen(
                [sys.executable, "-sP", "-m", "ironcurtain_tui.traffic.cleaner", self._settings],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": str(Path(ironcurtain_tui.__file__).parent.parent), "LC_ALL": "C.UTF-8"},
                start_new_session=True,
            )
        return self._process
