"""Naming a process so that a reused pid is not mistaken for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process of this machine: its pid, the boot it runs in, and when it started.

    Pids are reused, also after a reboot; the three together are not.
    """

    pid: int
    boot: str
    started: str

    @classmethod
    def current(cls) -> ProcessIdentity:
        """The calling process."""
        return cls(os.getpid(), _boot_id(), _start_time(os.getpid()))

    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        if self.boot != _boot_id():
            return False
        try:
            return _start_time(self.pid) == self.started
        except ProcessLookupError:
            return False

    def labels(self) -> dict[str, str]:
        """As container labels, so that orphans can be told from what is in use."""
        return {
            "ironcurtain.owner.pid": str(self.pid),
            "ironcurtain.owner.boot": self.boot,
            "ironcurtain.owner.started": self.started,
        }

    @classmethod
    def from_labels(cls, labels: dict[str, str]) -> ProcessIdentity | None:
        """The owner written on a container, None when the labels are not (all) there."""
        try:
            return cls(
                int(labels["ironcurtain.owner.pid"]),
                labels["ironcurtain.owner.boot"],
                labels["ironcurtain.owner.started"],
            )
        except (KeyError, ValueError):
            return None


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
