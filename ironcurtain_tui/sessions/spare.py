"""The spare supervisor as others see it: who it is, what it holds, how one is left behind, and how it is ended."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import memory, registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.standby import call
from ironcurtain_tui.standby.kin import inherited

OWNER = "owner.json"
LOG = "standby.log"
WAIT_SECONDS = 4 * 3600.0
"""How long one waits for a call, from when it, or the last session that wanted it to, was there."""
END_SECONDS = 10.0
LEFT_FROM, STAYS_FROM = 1 << 30, 1 << 29
"""Bytes of memory that must be available for a session to leave one, and for one to stay: it takes about 150 MiB."""
HOW_TO_END = "`ironcurtain-tui standby --end` ends it; with standby = false under [session] no session leaves one."


def clock() -> float:
    """Seconds that have passed on this machine, its sleep included: nobody can set this clock."""
    # clock_gettime(2); on macOS it is CLOCK_MONOTONIC that goes on during sleep
    return time.clock_gettime(time.CLOCK_BOOTTIME if sys.platform == "linux" else time.CLOCK_MONOTONIC)


class Spare(msgspec.Struct, frozen=True, omit_defaults=True):
    """A spare that waits, or did. Times are of ``clock``."""

    owner: ProcessIdentity
    since: float
    others: tuple[ProcessIdentity, ...] = ()
    """The processes it has started."""
    holds: tuple[str, ...] = ()
    """What it has at the engine, in words."""
    until: float = 0.0
    """When it ends if nobody calls. Its file says so by its time of modification: who wants it to stay touches that."""

    @classmethod
    def read(cls, root: Path) -> Spare | None:
        """The one that has put its name down in the state directory ``root``."""
        file = directory(root) / OWNER
        try:
            spare = msgspec.json.decode(file.read_bytes(), type=cls)
            return msgspec.structs.replace(spare, until=file.stat().st_mtime + WAIT_SECONDS)
        except (OSError, msgspec.MsgspecError):
            return None

    @property
    def words(self) -> str:
        """All of it on one line, for a person."""
        size = memory.own((self.owner, *self.others))
        times = f"since {_time_of_day(self.since)}, until {_time_of_day(self.until)} at the latest"
        takes = "" if size is None else f", {size / 2**20:.0f} MiB of memory"
        holds = f"; its own at the engine: {', '.join(self.holds)}" if self.holds else ""
        return f"process {self.owner.pid}, {times}{takes}{holds}"


def _time_of_day(moment: float) -> str:
    return time.strftime("%H:%M", time.localtime(time.time() + moment - clock()))


def directory(root: Path) -> Path:
    """Where the spare of the state directory ``root`` waits."""
    return Path(call.directory(str(root)))


@contextmanager
def claimed(root: Path) -> Iterator[bool]:
    """Whether the place of the spare was free; nobody else takes it while this is held. OSError without a directory."""
    descriptor = os.open(directory(root), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            free = False
        else:
            free = True
        yield free
    finally:
        os.close(descriptor)


@contextmanager
def named(root: Path) -> Iterator[None]:
    """Have everybody know that this process, which has claimed the place, is the spare; it takes no call yet."""
    (directory(root) / call.SOCKET).unlink(missing_ok=True)  # of one that was killed
    tell(root, Spare(ProcessIdentity.current(), clock()))
    try:
        yield
    finally:
        (directory(root) / OWNER).unlink(missing_ok=True)


def tell(root: Path, spare: Spare) -> None:
    """Put down what everybody may know of ``spare``. Only for itself."""
    file = directory(root) / OWNER
    registry.write_json(file, spare)
    os.utime(file, (clock(), clock()))


def present(root: Path) -> Spare | None:
    """The spare there is, be it only loading; None when there is none."""
    spare = Spare.read(root)
    return spare if spare is not None and spare.owner.alive() else None


def waiting(root: Path) -> Spare | None:
    """The spare that takes a call, None when there is none."""
    return present(root) if (directory(root) / call.SOCKET).exists() else None


def renew(root: Path) -> None:
    """Have the one that is there, if there is, wait as long as a new one."""
    if present(root) is not None:
        with suppress(FileNotFoundError):  # it has just gone
            os.utime(directory(root) / OWNER, (clock(), clock()))


def left_behind(root: Path) -> list[Path]:
    """What one that was killed has left where it waited; nothing while another may be there."""
    place = directory(root)
    if not place.is_dir() or present(root) is not None:
        return []
    with claimed(root) as free:
        return [file for file in place.iterdir() if file.name != LOG] if free else []


def has_room(least: int) -> bool:
    """Whether so many bytes of memory are available, as far as can be known."""
    available = memory.available()
    return available is None or available >= least


def leave(root: Path, room: int) -> bool:
    """Have one wait, from now on, that outlives us; whether there is ``room`` for it, as ``has_room`` says.

    It gets what it must have in common with whoever will call, and nothing else of our environment: no key.
    UserFacingError when its directory cannot be made.
    """
    paths.private_directory(directory(root))
    with claimed(root) as free:
        pass
    if not free:
        renew(root)
        return True
    if not has_room(room):
        return False
    subprocess.run(
        [sys.executable, "-m", "ironcurtain_tui.commands.standby"],
        env={**inherited(), "IRONCURTAIN_HOME": str(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
        check=False,
    )
    return True


def end(root: Path) -> bool:
    """End the one there is, with all it holds ready; whether there was one. Blocks.

    UserFacingError when it has not ended after 10 s.
    """
    spare = present(root)
    if spare is None:
        return False
    try:
        os.kill(spare.owner.pid, signal.SIGTERM)
    except ProcessLookupError:
        return False
    deadline = time.monotonic() + END_SECONDS
    while spare.owner.alive():
        if time.monotonic() > deadline:
            raise UserFacingError(
                f"The spare supervisor, process {spare.owner.pid}, was told to end and has not yet.",
                f"Kill it, and `ironcurtain-tui gc` removes what it held ready. Its log: {directory(root) / LOG}",
            )
        time.sleep(0.02)
    return True
