"""Naming a process so that a reused pid is not mistaken for it, nor one of another machine for one of ours."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import msgspec

MACHINE_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


class Life(StrEnum):
    """What can be proved about a process."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"
    """It may run on another machine."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process: its pid, the boot it runs in, when it started, and on which machine.

    Pids are reused, also after a reboot; the first three together are not. Machines may share an engine, or a home.
    """

    pid: int
    boot: str
    started: str
    machine: str = ""
    """Of the machine's identifier, a part of the SHA-256; empty: not known."""

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """The one that has ``pid`` now; ProcessLookupError when it is gone or dead."""
        return cls(pid, _boot_id(), _start_time(pid), _machine())

    def life(self) -> Life:
        """Whether exactly this process still runs (a zombie does not), as far as this machine can tell."""
        if self.boot != _boot_id():
            return Life.DEAD if self.machine and self.machine == _machine() else Life.UNKNOWN
        try:
            return Life.ALIVE if _start_time(self.pid) == self.started else Life.DEAD
        except ProcessLookupError:
            return Life.DEAD

    def alive(self) -> bool:
        """Whether it provably runs."""
        return self.life() is Life.ALIVE

    def labels(self) -> dict[str, str]:
        """As container labels, so that orphans can be told from what is in use."""
        return {
            "ironcurtain.owner.pid": str(self.pid),
            "ironcurtain.owner.boot": self.boot,
            "ironcurtain.owner.started": self.started,
            "ironcurtain.owner.machine": self.machine,
        }

    @classmethod
    def from_labels(cls, labels: dict[str, str]) -> ProcessIdentity | None:
        """The owner written on a container, None when the labels are not (all) there."""
        try:
            return cls(
                int(labels["ironcurtain.owner.pid"]),
                labels["ironcurtain.owner.boot"],
                labels["ironcurtain.owner.started"],
                labels.get("ironcurtain.owner.machine", ""),
            )
        except (KeyError, ValueError):
            return None


def _machine() -> str:
    """Stays the same over reboots, tells nobody which machine it is. Sources: machine-id(5); macOS's platform UUID."""
    if sys.platform == "darwin":
        told = _output("/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice")
        raw = next((line.partition("=")[2].strip() for line in told.splitlines() if "IOPlatformUUID" in line), "")
    else:
        raw = next((text for file in MACHINE_FILES if (text := _text(file))), platform.node())
    return hashlib.sha256(f"ironcurtain {raw}".encode()).hexdigest()[:16] if raw else ""


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def _boot_id() -> str:
    if sys.platform == "darwin":
        return _output("/usr/sbin/sysctl", "-n", "kern.bootsessionuuid")
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _start_time(pid: int) -> str:
    """When ``pid`` started, in the system's own notation; ProcessLookupError when it is gone or dead."""
    if sys.platform == "darwin":
        started = _output("/bin/ps", "-o", "lstart=", "-p", str(pid))
        if not started:
            raise ProcessLookupError(pid)
        return started
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        raise ProcessLookupError(pid) from None
    # proc(5): the name in parentheses may hold anything, so count from the last one. Field 3 is the
    # state, field 22 the start time in clock ticks since boot.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(pid)
    return fields[19]


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=5, check=False).stdout.strip()
