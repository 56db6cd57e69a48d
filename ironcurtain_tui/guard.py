"""Keeps the user's terminal whole, even when the screen is killed with a signal it cannot catch.

The screen runs in a child. The parent only waits; when the child dies without having cleaned up, the
parent puts the terminal back. When the parent dies, the kernel (Linux) tells the child to leave properly.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import termios
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

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
ATTENDED = b"\0"
"""The first byte on the line to a screen elsewhere: the terminal is its own from now on. The number of no signal."""
EPITAPH = "No agent is affected. Attach again: ironcurtain-tui attach {session}"
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
    _ignore_the_terminals()

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
    if _put_back(descriptor, saved):
        sys.stderr.write(f"The screen was killed by {signal.Signals(-code).name}. {epitaph}\n")
    return 128 - code


def attend(line: socket.socket, session: str) -> int:
    """Be the process of a terminal that a screen elsewhere shows ``session`` on, until it closes; its exit code.

    The screen (``commands/spare_screen.py``) is at the other end of ``line``. It leaves the terminal alone until it is
    told that we attend: by then we know how to put that back, and no key stops us any more. Then it is sent the number
    of every signal of the terminal's, a byte each; it closes when we are gone, and sends its exit code, a byte, when it
    has closed.
    """
    descriptor = sys.stdin.fileno()
    try:
        termios.tcdrain(descriptor)  # in the background this stops us until we are in front
        saved = termios.tcgetattr(descriptor)
    except termios.error:  # the terminal is gone, or nobody could bring us to the front
        return 1
    _ignore_the_terminals()

    def forward(number: int, _: FrameType | None) -> None:
        with suppress(OSError):  # it has gone, and we hear of it
            line.send(bytes([number]))

    forwarded = (*PASSED_ON, signal.SIGWINCH)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, forwarded)
    for passed_on in forwarded:
        signal.signal(passed_on, forward)
    with suppress(OSError):  # the same
        line.send(ATTENDED)
    signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    try:
        code = line.recv(1)
    except OSError:
        code = b""
    if code:
        return code[0]
    if _put_back(descriptor, saved):
        sys.stderr.write(f"The screen was killed. {EPITAPH.format(session=session)}\n")
    return 1


def _ignore_the_terminals() -> None:
    """What a person types for the process in front is for the screen to read."""
    for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU):
        signal.signal(ignored, signal.SIG_IGN)


def _put_back(descriptor: int, saved: list[Any]) -> bool:
    """Make the terminal usable again; False when it is gone."""
    try:
        os.write(descriptor if os.isatty(descriptor) else 1, RESET.encode())
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, saved)
    except (OSError, termios.error):
        return False
    return True


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
