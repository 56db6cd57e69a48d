"""The system calls a process in the agent's container may make: what is not named here does not exist for it.

The engine's own default differs from version to version, and older ones leave doors in the wall: ``socket(AF_VSOCK)``
reaches past the network namespace to the host of a virtual machine, and io_uring opens sockets unseen by any filter.
So every engine is given this list, for 64-bit x86 and ARM. Left out are calls that act on the whole machine (modules,
clocks, mounts, keyrings, tracing the kernel), namespaces, and io_uring. Sources: Linux ``unistd.h``, seccomp(2), and
the engine's profile format (``docker run --security-opt seccomp=``).
"""

from __future__ import annotations

import json
import socket

NO_SUCH_CALL = 38
"""ENOSYS: programs fall back on an older call where EPERM would make them give up."""

ALLOWED = """
accept accept4 access alarm arch_prctl bind brk capget capset chdir chmod chown clock_getres clock_gettime
clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create epoll_create1 epoll_ctl
epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork
fremovexattr fsetxattr fstat fstatfs fsync ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat
get_robust_list getcpu getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid
getpgrp getpid getppid getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt
gettid gettimeofday getuid getxattr inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
io_getevents io_pgetevents io_setup io_submit ioctl ioprio_get ioprio_set kill landlock_add_rule
landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listxattr llistxattr lremovexattr
lseek lsetxattr lstat madvise membarrier memfd_create mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap
mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend mq_unlink mremap msgctl msgget msgrcv msgsnd
msync munlock munlockall munmap nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2
pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease
process_vm_readv process_vm_writev pselect6 ptrace pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv
recvfrom recvmmsg recvmsg remap_file_pages removexattr rename renameat renameat2 restart_syscall rmdir rseq
rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select
semctl semget semop semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_tid_address setfsgid setfsuid
setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt
setuid setxattr shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice stat statfs statx
symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun
timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill truncate umask uname unlink
unlinkat utime utimensat utimes vfork vmsplice wait4 waitid write writev
""".split()  # noqa: SIM905 (three hundred quoted names would be harder to read)

LOCAL_FAMILIES = (socket.AF_UNIX, 16)
"""The last is netlink, by which C libraries read the list of interfaces."""
INTERNET_FAMILIES = (socket.AF_INET, socket.AF_INET6)
SOCKET_TYPE_MASK = 0xF
"""What of socket(2)'s second argument is the type; the rest are flags."""
NAMESPACE_FLAGS = 0x7E020000
"""Every CLONE_NEW* flag of clone(2)."""
PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Plain Linux, with the 32-bit uname and the 2.6 version number or without, and the question which it is."""


def seccomp_profile(*, datagrams: bool = True) -> str:
    """The profile as the engine takes it: ``seccomp=<this text>`` among its security options.

    Without ``datagrams`` there is no UDP. On a bridge without an address of the host's own, a broadcast or multicast
    datagram still reaches every program of the host that listens on all addresses; connections cannot do that.
    """
    rules: list[dict[str, object]] = [{"names": ALLOWED, "action": "SCMP_ACT_ALLOW"}]
    rules += [_when("socket", _equal(int(family))) for family in LOCAL_FAMILIES]
    kind: list[dict[str, object]] = []
    if not datagrams:
        stream = int(socket.SOCK_STREAM)
        kind = [{"index": 1, "value": SOCKET_TYPE_MASK, "valueTwo": stream, "op": "SCMP_CMP_MASKED_EQ"}]
    rules += [_when("socket", _equal(int(family)), *kind) for family in INTERNET_FAMILIES]
    rules += [_when("personality", _equal(value)) for value in PERSONALITIES]
    no_namespace = {"index": 0, "value": NAMESPACE_FLAGS, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    rules.append(_when("clone", no_namespace))
    # clone3 keeps its flags in memory, where no filter can look: C libraries then use clone.
    rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": NO_SUCH_CALL})
    return json.dumps(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "defaultErrnoRet": NO_SUCH_CALL,
            "archMap": [
                {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
                {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
            ],
            "syscalls": rules,
        }
    )


def _when(call: str, *conditions: dict[str, object]) -> dict[str, object]:
    """All ``conditions`` must hold."""
    return {"names": [call], "action": "SCMP_ACT_ALLOW", "args": list(conditions)}


def _equal(value: int) -> dict[str, object]:
    return {"index": 0, "value": value, "op": "SCMP_CMP_EQ"}
