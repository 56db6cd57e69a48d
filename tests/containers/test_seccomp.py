from __future__ import annotations

import json
import socket

import pytest

from ironcurtain_tui.containers.seccomp import ALLOWED, seccomp_profile

PROFILE = json.loads(seccomp_profile())


def test_what_is_not_named_does_not_exist() -> None:
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"
    assert PROFILE["defaultErrnoRet"] == 38


FOR_THE_MACHINE_ONLY = """
io_uring_setup mount setns unshare bpf keyctl add_key request_key init_module finit_module kexec_load reboot
perf_event_open userfaultfd open_by_handle_at pivot_root settimeofday clock_settime swapon socket clone clone3
"""


@pytest.mark.parametrize("call", FOR_THE_MACHINE_ONLY.split())
def test_calls_on_the_whole_machine_are_not_allowed_outright(call: str) -> None:
    assert call not in ALLOWED


def test_sockets_are_of_four_families_only() -> None:
    rules = [rule for rule in PROFILE["syscalls"] if "socket" in rule["names"]]
    families = {condition["value"] for rule in rules for condition in rule["args"]}
    assert families == {socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 16}
    assert all(condition["op"] == "SCMP_CMP_EQ" for rule in rules for condition in rule["args"])


def test_without_datagrams_internet_sockets_are_streams_only() -> None:
    rules = [rule for rule in json.loads(seccomp_profile(datagrams=False))["syscalls"] if "socket" in rule["names"]]
    by_family = {rule["args"][0]["value"]: rule["args"][1:] for rule in rules}
    assert by_family[socket.AF_UNIX] == by_family[16] == []
    stream = [{"index": 1, "value": 0xF, "valueTwo": socket.SOCK_STREAM, "op": "SCMP_CMP_MASKED_EQ"}]
    assert by_family[socket.AF_INET] == by_family[socket.AF_INET6] == stream


def test_no_name_is_given_twice() -> None:
    assert len(ALLOWED) == len(set(ALLOWED))


ON_64_BIT_ARM = {
    "open": "openat", "creat": "openat", "stat": "newfstatat", "lstat": "newfstatat", "access": "faccessat",
    "mkdir": "mkdirat", "rmdir": "unlinkat", "unlink": "unlinkat", "rename": "renameat2", "link": "linkat",
    "symlink": "symlinkat", "readlink": "readlinkat", "chmod": "fchmodat", "chown": "fchownat", "lchown": "fchownat",
    "mknod": "mknodat", "utime": "utimensat", "utimes": "utimensat", "futimesat": "utimensat", "getdents": "getdents64",
    "pipe": "pipe2", "dup2": "dup3", "poll": "ppoll", "select": "pselect6", "epoll_create": "epoll_create1",
    "epoll_wait": "epoll_pwait", "eventfd": "eventfd2", "signalfd": "signalfd4", "inotify_init": "inotify_init1",
    "pause": "ppoll", "alarm": "setitimer", "time": "clock_gettime", "getpgrp": "getpgid", "fork": "clone",
    "vfork": "clone",
}  # fmt: skip
"""Calls that 64-bit ARM does not have (Linux asm-generic/unistd.h), and by what its C libraries do without."""


@pytest.mark.parametrize(("call", "instead"), ON_64_BIT_ARM.items())
def test_what_64_bit_arm_has_instead_is_allowed_as_well(call: str, instead: str) -> None:
    named = {name for rule in PROFILE["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
    assert call in named
    assert instead in named


def test_the_profile_is_for_both_architectures() -> None:
    assert {each["architecture"] for each in PROFILE["archMap"]} == {"SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"}
    assert not any(each["subArchitectures"] for each in PROFILE["archMap"]), "32-bit calls go by other numbers"
