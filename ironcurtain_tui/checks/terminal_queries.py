"""What a terminal can do, asked of itself.

Sources: Primary Device Attributes (DA1, where 52 stands for clipboard access), DECRQM for mode 2026, the kitty
keyboard protocol's ``CSI ? u``. Every terminal answers DA1, so its answer, asked for last, ends the wait.
"""

from __future__ import annotations

import os
import re
import select
import sys
import termios
import time
import tty
from dataclasses import dataclass

QUESTIONS = b"\x1b[?u\x1b[?2026$p\x1b[c"
ANSWER_SECONDS = 0.5
_DA1 = re.compile(rb"\x1b\[\?([\d;]*)c")


@dataclass(frozen=True)
class TerminalAbilities:
    """As far as the terminal tells."""

    kitty_keyboard: bool
    clipboard: bool
    synchronised: bool


def read_answer(answer: bytes) -> TerminalAbilities | None:
    """What ``answer`` to QUESTIONS says; None while it is not whole."""
    attributes = _DA1.search(answer)
    if attributes is None:
        return None
    return TerminalAbilities(
        kitty_keyboard=re.search(rb"\x1b\[\?\d+u", answer) is not None,
        clipboard=b"52" in attributes[1].split(b";"),
        synchronised=re.search(rb"\x1b\[\?2026;[12]\$y", answer) is not None,
    )


def ask_terminal() -> TerminalAbilities | None:
    """Ask the terminal we run in, which standard input and output must be; None when it does not answer in time."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    answer = b""
    try:
        tty.setcbreak(descriptor, termios.TCSAFLUSH)
        os.write(sys.stdout.fileno(), QUESTIONS)
        deadline = time.monotonic() + ANSWER_SECONDS
        while (told := read_answer(answer)) is None:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready or not (more := os.read(descriptor, 1024)):
                break
            answer += more
        return told
    finally:
        termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)
