"""What the models of all sessions used, a file a day: one line of JSON a call, so that no restart forgets any."""

from __future__ import annotations

import datetime
import errno
import os
from pathlib import Path

import msgspec

from ironcurtain_tui.events import ModelSpending
from ironcurtain_tui.policy.budget import with_call

KEPT_DAYS = 31

_decoder = msgspec.json.Decoder(ModelSpending)


class DayBook:
    """The file of today, in ``directory``; sessions append to it and read what the others wrote."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._day = datetime.date.min
        self._read = 0
        self._spent: tuple[ModelSpending, ...] = ()

    def add(self, call: ModelSpending) -> None:
        """Write one call down. OSError when that is impossible. Takes microseconds: a line to a local file."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(self._path(_today()), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            line = b"\n" + msgspec.json.encode(call) + b"\n"  # whatever half a line stands before it
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)

    def today(self) -> tuple[ModelSpending, ...]:
        """What was used today, by model. OSError when the file cannot be read."""
        if (today := _today()) != self._day:
            self._day, self._read, self._spent = today, 0, ()
            self._forget(today - datetime.timedelta(days=KEPT_DAYS))
        try:
            with self._path(today).open("rb") as book:
                book.seek(self._read)
                new = book.read()
        except FileNotFoundError:
            return self._spent
        whole, newline, _ = new.rpartition(b"\n")
        self._read += len(whole) + len(newline)
        for line in whole.splitlines():
            try:
                self._spent = with_call(self._spent, _decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # half a line of a session that died
        return self._spent

    def _forget(self, until: datetime.date) -> None:
        for book in self._directory.glob("????-??-??.jsonl"):
            if book.stem < until.isoformat():
                book.unlink(missing_ok=True)

    def _path(self, day: datetime.date) -> Path:
        return self._directory / f"{day.isoformat()}.jsonl"


def _today() -> datetime.date:
    return datetime.datetime.now().astimezone().date()
