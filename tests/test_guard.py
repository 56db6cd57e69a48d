"""The guard in a real terminal (a pty): whatever kills the screen, the terminal is usable afterwards."""

import os
import re
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from ironcurtain_tui.guard import HANGUP_SECONDS, RESET
from tests.waiting import PATIENCE, wait_until

SCREEN = """
import os, signal, sys, termios, time, tty
from ironcurtain_tui.guard import run_guarded

def screen():
    old = termios.tcgetattr(0)
    def leave(*_):
        sys.stdout.write("LEFT PROPERLY"); sys.stdout.flush()
        termios.tcsetattr(0, termios.TCSADRAIN, old)
        os._exit(7)
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # hangs, like one that waits to write
    tty.setraw(0)
    sys.stdout.write("\\x1b[?1049h\\x1b[?1000hSCREEN %d %d." % (os.getpid(), os.getppid())); sys.stdout.flush()
    time.sleep(1000)
    return 0

sys.exit(run_guarded(screen, "The agent keeps running."))
"""


SLOW_GUARD = """
fork = os.fork
def slowly():
    child = fork()
    if child:
        time.sleep(1)
    return child
os.fork = slowly
"""


@contextmanager
def spawned(program: str) -> Iterator[pexpect.spawn]:
    """``program`` under a shell, as in life: a terminal is hung up when its session's leader dies."""
    shell = f"{sys.executable} -c '{program}'; echo STATUS $?.; sleep 1000"
    child = pexpect.spawn("/bin/sh", ["-c", shell], timeout=PATIENCE, encoding="utf-8")
    try:
        yield child
    finally:
        child.close(force=True)


@pytest.fixture
def terminal() -> Iterator[pexpect.spawn]:
    with spawned(SCREEN) as child:
        yield child


@pytest.fixture
def slow_guard() -> Iterator[pexpect.spawn]:
    """One that is held up just after it has started the screen."""
    head, tail = SCREEN.split("sys.exit", 1)
    with spawned(f"{head}{SLOW_GUARD}sys.exit{tail}") as child:
        yield child


def pids(terminal: pexpect.spawn) -> tuple[int, int]:
    terminal.expect(r"SCREEN (\d+) (\d+)\.")
    return int(terminal.match[1]), int(terminal.match[2])


def is_raw(terminal: pexpect.spawn) -> bool:
    return not termios.tcgetattr(terminal.child_fd)[3] & termios.ICANON


@pytest.mark.parametrize("killer", [signal.SIGKILL, signal.SIGSEGV])
def test_a_killed_screen_is_tidied_up_after(terminal: pexpect.spawn, killer: signal.Signals) -> None:
    screen, _ = pids(terminal)
    assert is_raw(terminal)
    os.kill(screen, killer)
    terminal.expect(re.escape(RESET))
    terminal.expect(f"{killer.name}. The agent keeps running.")
    terminal.expect(rf"STATUS {128 + killer}\.")
    assert not is_raw(terminal)


def test_when_the_guard_is_killed_the_screen_leaves_properly(terminal: pexpect.spawn) -> None:
    _, guard = pids(terminal)
    os.kill(guard, signal.SIGKILL)
    # Shell and screen write at the same time, in any order.
    seen = {terminal.expect(["LEFT PROPERLY", r"STATUS 137\."]), terminal.expect(["LEFT PROPERLY", r"STATUS 137\."])}
    assert seen == {0, 1}
    wait_until(lambda: not is_raw(terminal))  # done last, after the words


def test_a_polite_end_is_passed_on(terminal: pexpect.spawn) -> None:
    _, guard = pids(terminal)
    os.kill(guard, signal.SIGTERM)
    terminal.expect("LEFT PROPERLY")
    terminal.expect(r"STATUS 7\.")


def test_a_polite_end_that_comes_at_once_is_passed_on(slow_guard: pexpect.spawn) -> None:
    _, guard = pids(slow_guard)
    os.kill(guard, signal.SIGTERM)  # while it has come no further than to the start of the screen
    slow_guard.expect("LEFT PROPERLY")
    slow_guard.expect(r"STATUS 7\.")


def test_a_screen_that_hangs_when_its_terminal_goes_is_ended(terminal: pexpect.spawn) -> None:
    screen, guard = pids(terminal)
    terminal.close(force=True)
    wait_until(lambda: not any(_alive(pid) for pid in (screen, guard)), HANGUP_SECONDS + PATIENCE)


ATTENDANT = """
import os, signal, socket, termios, tty
from ironcurtain_tui.guard import ATTENDED, attend

ours, screens = socket.socketpair()
if os.fork() == 0:
    ours.close()
    assert screens.recv(1) == ATTENDED
    status = open("/proc/%d/status" % os.getppid()).read()
    ignored = int(status.partition("SigIgn:")[2].split()[0], 16)
    caught = int(status.partition("SigCgt:")[2].split()[0], 16)
    tty.setraw(0)
    print("IGNORED", *(n for n in (2, 3, 20, 22) if ignored >> n - 1 & 1), end=".", flush=True)
    print("CAUGHT", *(n for n in (1, 15, 28) if caught >> n - 1 & 1), end=".", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
screens.close()
raise SystemExit(attend(ours, "0123456789ab"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads what a process does about signals from /proc")
def test_a_screen_elsewhere_gets_the_terminal_once_that_is_attended() -> None:
    """By then no key stops or ends the process that is to put it back as it was before."""
    with spawned(ATTENDANT) as terminal:
        terminal.expect(r"IGNORED 2 3 20 22\.CAUGHT 1 15 28\.")
        terminal.expect("The screen was killed")
        terminal.expect(r"STATUS 1\.")
        assert not is_raw(terminal)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the state of a process from /proc")
def test_in_the_background_a_screen_elsewhere_does_not_get_the_terminal() -> None:
    shell = f"set -m; {sys.executable} -c '{ATTENDANT}' & echo PID $!.; read go; fg >/dev/null; echo STATUS $?."
    terminal = pexpect.spawn("/bin/sh", ["-c", shell], timeout=PATIENCE, encoding="utf-8")
    try:
        terminal.expect(r"PID (\d+)\.")
        status = Path(f"/proc/{terminal.match[1]}/status")
        wait_until(lambda: "State:\tT" in status.read_text())
        terminal.send("go\n")
        terminal.expect("go\r\n")
        assert "IGNORED" not in terminal.before
        terminal.expect("IGNORED 2 3 20 22")
        terminal.expect(r"STATUS 1\.")
    finally:
        terminal.close(force=True)


def _alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
