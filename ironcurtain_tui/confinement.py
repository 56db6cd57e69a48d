"""Give up, for good, what a process that parses hostile bytes does not need.

``confine`` asks the kernel for every protection it has and reports those it granted:

* ``no-new-privs`` (prctl(2)): nothing started from here gains rights.
* ``landlock`` (landlock(7), Linux 5.13): no access to the file system at all; ``landlock-network`` (ABI 4,
  Linux 6.7): no TCP bind or connect; ``landlock-scope`` (ABI 6, Linux 6.12): no abstract sockets, no signals
  to processes outside.
* ``limits`` (setrlimit(2)): no core dumps, bounded memory, no new file descriptors, no files written.
* ``seccomp`` (seccomp(2)): only the system calls of reading and writing open descriptors, memory and time;
  every other one fails with EPERM, and no memory becomes executable.

On other systems only the limits apply. Call it when everything is imported and allocated that needs files.

``keep_memory_private`` is for the opposite: a process that holds keys.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import struct
import sys

MEMORY_LIMIT = 1 << 30
"""Bytes of address space: a screen of any size with its scrollback needs a fifth of it."""

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LANDLOCK_CREATE_RULESET, _LANDLOCK_RESTRICT_SELF = 444, 446  # the same on every architecture
_LANDLOCK_CREATE_RULESET_VERSION = 1
_FILE_RIGHTS_BY_ABI = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK_RIGHTS, _SCOPES = 0b11, 0b11

_X86_64, _AARCH64 = 0xC000003E, 0xC00000B7  # AUDIT_ARCH_*
_ALLOWED_CALLS = {
    # name: (x86_64, aarch64)
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "poll": (7, None),
    "ppoll": (271, 73),
    "select": (23, None),
    "pselect6": (270, 72),
    "readv": (19, 65),
    "writev": (20, 66),
    "sendto": (44, 206),
    "recvfrom": (45, 207),
    "brk": (12, 214),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "futex": (202, 98),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101),
    "gettimeofday": (96, 169),
    "getrandom": (318, 278),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_MAPPING_CALLS = {"mmap": (9, 222), "mprotect": (10, 226)}
"""Allowed as long as the memory does not become executable."""
_PROT_EXEC = 4


def confine() -> tuple[str, ...]:
    """Apply all of it to this process; the names of what the kernel granted, in the order above."""
    if sys.platform != "linux":
        return _limit_resources()
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    no_new_privs = ("no-new-privs",) if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 else ()
    # each needs what the next one takes: Landlock a descriptor, the limits a system call
    return no_new_privs + _landlock(libc) + _limit_resources() + _seccomp(libc)


def keep_memory_private() -> None:
    """See that no other process of this user can read our memory or environment, and that no crash writes them down.

    Core dumps are off, also for what is started from here. On Linux the process cannot be traced, and its files below
    ``/proc`` that show memory, descriptors and environment belong to root (proc(5), prctl(2) PR_SET_DUMPABLE); what is
    started from here is not affected by that.
    """
    _lower(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def _limit_resources() -> tuple[str, ...]:
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, 3)  # 0, 1 and 2 are taken
    if sys.platform == "linux":  # macOS refuses a limit below what is already mapped
        _lower(resource.RLIMIT_AS, MEMORY_LIMIT)
    return ("limits",)


def _lower(kind: int, limit: int) -> None:
    try:
        resource.setrlimit(kind, (limit, limit))
    except (ValueError, OSError):
        pass  # already lower, or not supported here


def _landlock(libc: ctypes.CDLL) -> tuple[str, ...]:
    """An empty ruleset that handles every right: everything it knows about is forbidden."""
    abi = libc.syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    if abi < 1:
        return ()
    files = _FILE_RIGHTS_BY_ABI[min(abi, max(_FILE_RIGHTS_BY_ABI))]
    network = _NETWORK_RIGHTS if abi >= 4 else 0
    scopes = _SCOPES if abi >= 6 else 0
    attribute = struct.pack("QQQ", files, network, scopes)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attribute, ctypes.c_size_t(len(attribute)), 0)
    if ruleset < 0:
        return ()
    restricted = libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    os.close(ruleset)
    if not restricted:
        return ()
    return ("landlock", "landlock-network", "landlock-scope")[: 1 + (abi >= 4) + (abi >= 6)]


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _seccomp(libc: ctypes.CDLL) -> tuple[str, ...]:
    try:
        code = filter_program(platform.machine())
    except KeyError:
        return ()
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.cast(buffer, ctypes.c_void_p).value)
    installed = libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0) == 0
    return ("seccomp",) if installed else ()


def filter_program(machine: str) -> bytes:
    """The BPF program for ``machine`` (as ``platform.machine`` names it); KeyError for one we have no numbers of.

    ``struct seccomp_data`` holds the call's number at 0, the architecture at 4, argument n at 16 + 8n.
    """
    column, architecture = {"x86_64": (0, _X86_64), "aarch64": (1, _AARCH64)}[machine]
    load, equal, any_bit, answer = 0x20, 0x15, 0x45, 0x06  # BPF_LD|W|ABS, JMP|JEQ|K, JMP|JSET|K, RET|K
    allow, refuse, kill = 0x7FFF0000, 0x00050001, 0x80000000  # ALLOW, ERRNO|EPERM, KILL_PROCESS

    def instruction(code: int, if_true: int, if_false: int, value: int) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, value)

    program = [
        instruction(load, 0, 0, 4),
        instruction(equal, 1, 0, architecture),
        instruction(answer, 0, 0, kill),
        instruction(load, 0, 0, 0),
    ]
    for numbers in _ALLOWED_CALLS.values():
        number = numbers[column]
        if number is not None:
            program += [instruction(equal, 0, 1, number), instruction(answer, 0, 0, allow)]
    for numbers in _MAPPING_CALLS.values():
        program += [
            instruction(equal, 0, 4, numbers[column]),
            instruction(load, 0, 0, 16 + 8 * 2),  # the protection bits are argument 2 of both
            instruction(any_bit, 0, 1, _PROT_EXEC),
            instruction(answer, 0, 0, refuse),
            instruction(answer, 0, 0, allow),
        ]
    program.append(instruction(answer, 0, 0, refuse))
    return b"".join(program)
