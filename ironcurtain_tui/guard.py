"""Keeps the user's terminal whole, even when the screen is killed with a signal it cannot catch.

The screen runs in a child. The parent only waits; when the child dies without having cleaned up, the
parent puts the terminal back. When the parent dies, the kernel (Linux) tells the child to leave properly.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import termios
import traceback
from collections.abc import Callable
from types import FrameType

RESET = (
    "\x1b[?2026l"  # end a synchronized update that was under way
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # mouse off
    "\x1b[?1004l\x1b[?2004l"  # focus reports, bracketed paste off
    "\x1b[<u\x1b[>4;0m"  # keyboard protocols off (kitty, xterm)
    "\x1b[?2048l"  # in-band resize reports off
    "\x1b[?1049l\x1b[?25h\x1b[0m\x1b[?7h"  # normal screen, cursor, plain style, line wrap
)
_PR_SET_PDEATHSIG = 1  # prctl(2)
PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
HANGUP_SECONDS = 3
"""What a screen has to leave by itself once its terminal is gone."""


def run_guarded(work: Callable[[], int], epitaph: str) -> int:
    """Run ``work`` in a child that owns the terminal; its exit code, or 128 + the signal that killed it.

    ``epitaph`` is printed when it was killed. Call this before any thread or event loop exists.
    """
    descriptor = sys.stdin.fileno()
    saved = termios.tcgetattr(descriptor)
    sys.stdout.flush()
    sys.stderr.flush()
    parent = os.getpid()
    # Whoever is told to end before there is anybody to tell it on does so a moment later.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        _be_child(work, parent)
    for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(ignored, signal.SIG_IGN)

    def forward(number: int, _: FrameType | None) -> None:
        os.kill(child, number)
        if number == signal.SIGHUP:  # a screen that waits to write to a terminal that is gone would wait for good
            signal.alarm(HANGUP_SECONDS)

    for passed_on in PASSED_ON:
        signal.signal(passed_on, forward)
    signal.signal(signal.SIGALRM, lambda _number, _frame: os.kill(child, signal.SIGKILL))
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return code
    try:
        os.write(descriptor if os.isatty(descriptor) else 1, RESET.encode())
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, saved)
    except (OSError, termios.error):
        return 128 - code  # the terminal itself is gone
    sys.stderr.write(f"The screen was killed by {signal.Signals(-code).name}. {epitaph}\n")
    return 128 - code


def _be_child(work: Callable[[], int], parent: int) -> None:
    """Run ``work`` and leave the process; never returns into the parent's code."""
    code = 1
    try:
        # Once the parent is gone the shell takes the foreground: putting the terminal back must not stop us.
        for stopping in (signal.SIGTTOU, signal.SIGTTIN):
            signal.signal(stopping, signal.SIG_IGN)
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)
        code = work()
    except BaseException:  # shown, and the process ends here whatever it was
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
