"""Confines a child process to some directories, whatever paths and symlinks the agent prepared for it.

Linux: Landlock (landlock(7), 5.13 and later). Elsewhere, and on older kernels, there is no fence.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # system calls, the same on every architecture
_CREATE_RULESET_VERSION = 1
_PATH_BENEATH = 1
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _DEVICE_CONTROL = 1 << 14, 1 << 15
_ON_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_CONTROL
_READING = _EXECUTE | _READ_FILE | _READ_DIR

SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/nix", "/proc", "/run", "/var/lib")
"""What programs need to run at all."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty")


class Fence:
    """Set it up in the parent, ``enter`` it in the child between fork and exec, ``close`` it in the parent."""

    def __init__(self, readable: Iterable[Path | str], writable: Iterable[Path | str]) -> None:
        """Only SYSTEM and ``readable`` can be read and run, only DEVICES and ``writable`` be written, and all below."""
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._ruleset = -1
        self._parent = os.getpid()
        abi = self._libc.syscall(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION) if sys.platform == "linux" else 0
        if abi < 1:
            return
        every = _RIGHTS_BY_ABI[min(abi, max(_RIGHTS_BY_ABI))]
        attribute = struct.pack("Q", every)
        self._ruleset = self._libc.syscall(_CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), 0)
        for path in (*SYSTEM, *readable):
            self._allow(path, _READING & every)
        for path in writable:
            self._allow(path, every)
        for path in DEVICES:
            self._allow(path, (_READ_FILE | _WRITE_FILE | _TRUNCATE | _DEVICE_CONTROL) & every)

    @property
    def stands(self) -> bool:
        """Whether the kernel has what it takes."""
        return self._ruleset >= 0

    def _allow(self, path: Path | str, rights: int) -> None:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return  # what is not there needs no permission
        try:
            if not Path(path).is_dir():
                rights &= _ON_FILES
            rule = struct.pack("=Qi", rights, descriptor)
            if self._libc.syscall(_ADD_RULE, self._ruleset, _PATH_BENEATH, rule, 0) != 0:
                raise OSError(ctypes.get_errno(), "landlock_add_rule")
        finally:
            os.close(descriptor)

    def entrance(self) -> Callable[[], None]:
        """What the child has to call between fork and exec. It also makes the child die with its parent."""

        def enter() -> None:
            if sys.platform != "linux":
                return
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._parent:
                os._exit(1)
            if not self.stands:
                return
            self._libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            if self._libc.syscall(_RESTRICT_SELF, self._ruleset, 0) != 0:
                os._exit(1)

        return enter

    def close(self) -> None:
        """Let go of it; children that entered stay inside."""
        if self.stands:
            os.close(self._ruleset)
            self._ruleset = -1
