"""Keeps the flows of a session, on disk, in a ring: never in the way of the traffic, nor of the audit log.

One gzip member a flow (RFC 1952, so ``zcat`` reads a file whole), each one line of JSON: a ``KeptFlow``. The files are
``1.jsonl.gz``, ``2.jsonl.gz``, ...; the oldest goes when all together would be larger than the limit.
"""

from __future__ import annotations

import base64
import codecs
import gzip
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from ironcurtain_tui.audit.redact import KnownSecrets, Redactor
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Flow
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.traffic.capture import MARGIN, Budget, Capture, Part
from ironcurtain_tui.traffic.cleaning import Cleaner, Uncleanable
from ironcurtain_tui.traffic.kept import Body, KeptFlow, Message
from ironcurtain_tui.traffic.ring import part_numbers, part_path

log = logging.getLogger(__name__)

PARTS = 4
"""Files of a ring that is full."""
MEMORY = 16 << 20
"""Bytes of all flows under way that are remembered at a time."""
CLOSE_SECONDS = 10.0
MOST_WAITING = 2_000
"""Flows that wait to be written at a time."""
TOGETHER = 32
"""Flows that are written at once when so many wait; fewer wait for PAUSE."""
PAUSE = 0.1
"""Seconds. A thread that woke for every flow would hold up the proxy several times for each."""
SHORT = 2 << 10
"""Characters of a body that are looked through here: asking another process about them takes longer."""
RESERVE = 64 << 20
"""Bytes of the disk that are left to the audit log."""
_CHARSET = re.compile(r"charset\s*=\s*\"?([A-Za-z0-9._-]{1,40})", re.IGNORECASE)
_CHARSETS = frozenset({"utf-16", "utf-16le", "utf-16be", "iso-8859-1", "iso-8859-15", "windows-1252", "latin-1"})
"""Whose names may choose a codec: Python's list also has some that decompress."""


class TrafficKeeper:
    """Writes in a thread of its own. Whatever goes wrong ends the keeping, with a word to the person, and no more."""

    def __init__(
        self,
        directory: Path,
        settings: TrafficSettings,
        redaction: RedactionSettings,
        secrets: Iterable[str],
        on_stop: Callable[[str, str], object],
        *,
        reserve: int = RESERVE,
    ) -> None:
        """``secrets`` are never kept, nor what looks like one. ``on_stop`` is told why and what to do, once, in our
        thread, if it ends before ``close``.
        """
        self._directory = directory
        self._limit = settings.body_bytes if settings.keep == "bodies" else 0
        self._part_limit = settings.max_bytes // PARTS
        secrets = KnownSecrets.of(secrets)
        self._known = Redactor(secrets)
        self._redactor = Redactor.configured(redaction, secrets)
        self._on_stop = on_stop
        self._reserve = reserve
        self._budget = Budget(MEMORY)
        self._cleaner = Cleaner(redaction)
        self._waiting: queue.SimpleQueue[Capture | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._file: int | None = None
        self._number = 0
        self._size = 0
        self._over = False
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def begin(self) -> Capture:
        """Where the parts of a new flow are to be remembered."""
        capture = Capture(self._budget, self._limit)
        capture.mono_us = time.monotonic_ns() // 1000
        return capture

    def keep(self, capture: Capture, flow: Flow) -> None:
        """``flow`` is over: write it down, soon. Never fails, and takes no time."""
        capture.flow = flow
        waiting = self._waiting.qsize()
        if self._over or waiting >= MOST_WAITING:
            capture.forget()
            return
        self._waiting.put(capture)
        if waiting >= TOGETHER and not self._hurry.is_set():
            self._hurry.set()

    def close(self) -> None:
        """Write what waits, but no longer than CLOSE_SECONDS, and end. Safe to call twice."""
        self._waiting.put(None)
        self._hurry.set()
        self._thread.join(CLOSE_SECONDS)
        self._over = True
        self._thread.join()

    # --- in the thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while (capture := self._next()) is not None:
            if self._over or capture.flow is None:
                capture.forget()
                continue
            try:
                self._write(capture, capture.flow)
            except OSError as error:
                self._stop(error.strerror or str(error), "Free space; the next session keeps traffic again.")
            except UserFacingError as error:
                self._stop(error.message.rstrip("."), error.remedy)
            except Exception as error:  # the type only: it may quote what passed
                log.error("a flow could not be kept: %s", type(error).__name__)
            finally:
                capture.forget()
        self._cleaner.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _next(self) -> Capture | None:
        """The next flow to write; None at the end."""
        try:
            return self._waiting.get_nowait()
        except queue.Empty:
            self._hurry.clear()
        capture = self._waiting.get()
        self._hurry.wait(PAUSE)
        return capture

    def _stop(self, reason: str, remedy: str) -> None:
        self._over = True
        try:
            self._on_stop(f"Headers and bodies are no longer kept: {reason}.", remedy)
        except Exception:
            log.exception("nobody could be told")

    def _write(self, capture: Capture, flow: Flow) -> None:
        if self._file is None or self._size >= self._part_limit:
            self._begin_part()
        kept = KeptFlow(
            flow=flow,
            mono_us=capture.mono_us,
            target=self._redactor.text(capture.target),
            request=self._message(capture.request),
            response=self._message(capture.response),
        )
        member = gzip.compress(msgspec.json.encode(kept) + b"\n", compresslevel=4, mtime=0)
        space = os.statvfs(self._directory)
        if space.f_bavail * space.f_frsize < self._reserve + len(member):
            raise OSError(0, f"less than {self._reserve >> 20} MiB of the disk are free")
        file, view = self._file, memoryview(member)
        if file is None:
            raise OSError(0, "there is no file")
        try:
            while view:
                view = view[os.write(file, view) :]
        except OSError:
            os.ftruncate(file, self._size)  # half a flow is of no use, and the audit log may need the room
            raise
        self._size += len(member)

    def _begin_part(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
        private_directory(self._directory)
        numbers = part_numbers(self._directory)
        for number in numbers[: max(0, len(numbers) - PARTS + 1)]:
            part_path(self._directory, number).unlink(missing_ok=True)
        self._number = max(numbers, default=0) + 1
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(part_path(self._directory, self._number), flags, 0o600)
        self._size = 0

    def _message(self, part: Part) -> Message:
        headers = tuple((self._redactor.text(name), self._redactor.text(value)) for name, value in part.headers)
        return Message(headers=headers, body=self._body(part))

    def _body(self, part: Part) -> Body:
        if not part.size:
            return Body()
        if not self._limit:
            return Body(size=part.size, missing="bodies are not kept: [traffic] in config.toml")
        if part.starved:
            return Body(size=part.size, missing="too much was under way")
        fields = {name.lower(): value for name, value in reversed(part.headers)}
        coding, raw = fields.get("content-encoding", "").strip(), bytes(part.body)
        if coding.lower() == "identity":
            coding = ""
        try:
            if coding:
                raw = self._cleaner.undo(coding, raw, self._limit + MARGIN)
            cut = len(raw) > self._limit or part.size > len(part.body)
            text = _text(raw, fields.get("content-type", ""))
            if text is not None:
                return Body(size=part.size, text=self._clean(text), cut=cut, coding=coding)
            # Latin-1 maps every byte to one character and back, so that a secret among bytes is found, too.
            clean = self._clean(raw.decode("latin-1")).encode("latin-1", "replace")
        except Uncleanable as error:
            return Body(size=part.size, missing=str(error), coding=coding[:40])
        return Body(size=part.size, data=base64.b64encode(clean).decode(), cut=cut, coding=coding)

    def _clean(self, text: str) -> str:
        """Without secrets; a part of one at the end was beyond the limit."""
        if len(text) <= SHORT:
            return self._redactor.text(text)[: self._limit]
        return self._cleaner.redact(self._known.text(text))[: self._limit]


def _text(raw: bytes, content_type: str) -> str | None:
    """``raw`` as text, as far as it goes; None when it is none."""
    named = _CHARSET.search(content_type)
    charset = named[1].lower() if named else ""
    try:
        text = codecs.getincrementaldecoder(charset if charset in _CHARSETS else "utf-8")().decode(raw)
    except ValueError:
        return None
    return None if "\0" in text else text
