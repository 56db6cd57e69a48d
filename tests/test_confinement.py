"""A confined process can do nothing but compute and talk on the descriptors it has."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

import ironcurtain_tui
from ironcurtain_tui.confinement import filter_program
from tests.waiting import PATIENCE

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"),
    reason="Landlock and seccomp are Linux's",
)

HARNESS = """
import ctypes, mmap, os, signal, socket, sys, threading
from ironcurtain_tui import confinement
{layers}
granted = confinement.confine()
try:
    {action}
except (OSError, ValueError, RuntimeError, MemoryError) as error:
    print("refused", type(error).__name__, getattr(error, "errno", ""))
else:
    print("ALLOWED")
"""
LANDLOCK_ONLY = "confinement._seccomp = lambda libc: ()\nconfinement._limit_resources = lambda: ()"
SECCOMP_ONLY = "confinement._landlock = lambda libc: ()\nconfinement._limit_resources = lambda: ()"


def run(action: str, layers: str = "", **arguments: str) -> str:
    code = HARNESS.format(action=action.format(**arguments), layers=layers)
    root = str(Path(ironcurtain_tui.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-sP", "-c", code], env={"PYTHONPATH": root}, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout, done.stderr
    return done.stdout.strip()


FORBIDDEN = {
    "read a file": "open('/etc/passwd')",
    "write a file": "open({target!r}, 'w')",
    "list a directory": "os.listdir('/')",
    "make a unix socket": "socket.socket(socket.AF_UNIX)",
    "make a TCP socket": "socket.socket(socket.AF_INET)",
    "make a pipe": "os.pipe()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "fork": "os.fork()",
    "start a thread": "threading.Thread(target=print).start()",
    "signal another process": "os.kill(os.getppid(), 0)",
    "read another's memory": "open('/proc/%d/mem' % os.getppid())",
    "change its limits back": "__import__('resource').setrlimit(__import__('resource').RLIMIT_CORE, (0, 0))",
    "make memory executable": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)",
    "take all memory": "bytearray(2 << 30)",
}


@pytest.mark.parametrize("action", FORBIDDEN.values(), ids=FORBIDDEN.keys())
def test_it_cannot(action: str, tmp_path: Path) -> None:
    assert run(action, target=str(tmp_path / "x")).startswith("refused")
    assert not (tmp_path / "x").exists()


def test_all_protections_of_this_kernel_are_on() -> None:
    assert run("print(*granted)").splitlines()[0].split() == [
        "no-new-privs", "landlock", "landlock-network", "landlock-scope", "limits", "seccomp"
    ]  # fmt: skip


LANDLOCKED = ["read a file", "write a file", "list a directory", "signal another process"]


@pytest.mark.parametrize("action", LANDLOCKED)
def test_landlock_alone_closes_the_file_system_and_the_process(action: str, tmp_path: Path) -> None:
    assert run(FORBIDDEN[action], LANDLOCK_ONLY, target=str(tmp_path / "x")).startswith("refused")


def test_landlock_alone_closes_tcp() -> None:
    connect = "socket.create_connection(('127.0.0.1', 9))"
    assert run(connect, LANDLOCK_ONLY) == "refused PermissionError 13"
    assert run("socket.create_server(('127.0.0.1', 0))", LANDLOCK_ONLY) == "refused PermissionError 13"


@pytest.mark.parametrize("action", sorted(set(FORBIDDEN) - {"take all memory"}))
def test_seccomp_alone_refuses_the_calls(action: str, tmp_path: Path) -> None:
    assert run(FORBIDDEN[action], SECCOMP_ONLY, target=str(tmp_path / "x")).startswith("refused")


def test_what_it_needs_still_works() -> None:
    assert run("sys.stdout.write('x'); sum(range(10**6)); bytearray(50 << 20)") == "xALLOWED"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_is_one_the_kernel_accepts_in_size(machine: str) -> None:
    program = filter_program(machine)
    assert len(program) % 8 == 0
    assert len(program) // 8 < 4_096


def test_a_machine_without_known_call_numbers_gets_no_filter() -> None:
    with pytest.raises(KeyError):
        filter_program("riscv64")
