"""The spare screen: ``python -m`` this. It loads itself and waits on standard input for a terminal to be shown on.

One line of JSON says which session to show, what to say before, and the directory and environment of whoever asked for
it; with it come the terminal's descriptors and a line to the process of that terminal (``guard.attend``), which passes
on its signals. That terminal is not the one of our session (setsid(2)), so job control does not keep us from it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress

from ironcurtain_tui.guard import ATTENDED, HANGUP_SECONDS
from ironcurtain_tui.standby import call

OBEYED = frozenset({signal.SIGTERM, signal.SIGHUP, signal.SIGWINCH})


def main() -> None:
    """Wait, be the screen, and end."""
    if os.fork():  # whoever started us has other things to do
        os._exit(0)
    from ironcurtain_tui import config
    from ironcurtain_tui.commands import screen
    from ironcurtain_tui.paths import SessionPaths

    screen.load()
    with socket.socket(fileno=os.dup(0)) as channel:
        call.send(channel, {"pid": os.getpid()})
        data, descriptors = call.receive(channel, 4)
    if not data:
        return
    order = json.loads(data)
    *terminal, line = descriptors
    for stream, descriptor in enumerate(terminal):
        os.dup2(descriptor, stream)
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    with socket.socket(fileno=line) as attendant:
        attendant.setblocking(True)  # with its other holders it shares how it was set
        if not _attended(attendant):
            return
        threading.Thread(target=_obey, args=(attendant,), name="attendant", daemon=True).start()
        print(order["said"], end="", flush=True)
        code = screen.run([SessionPaths.of(order["session"])], config.load())
        sys.stdout.flush()
        with suppress(OSError):  # its terminal has gone
            attendant.send(bytes([code]))
        os._exit(code)  # the thread still waits


def _attended(attendant: socket.socket) -> bool:
    """Whether the process of the terminal has given it to us. One that was stopped meanwhile may take its time."""
    try:
        return attendant.recv(1) == ATTENDED
    except OSError:
        return False


def _obey(attendant: socket.socket) -> None:
    """Take the terminal's signals for ours; when its process is gone, so is the terminal."""
    told = b""
    with suppress(OSError):
        while told := attendant.recv(1):
            if told[0] in OBEYED:
                os.kill(os.getpid(), told[0])
            if told[0] == signal.SIGHUP:
                break
    if not told:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(HANGUP_SECONDS)  # a screen that waits to write to a terminal that is gone would wait for good
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
