"""The nursery: the process our own tool servers are forked from, so that the MCP SDK is loaded once for all of them.

Standard input is a socket of packets (unix(7), SOCK_SEQPACKET), each a JSON object:

* ``{"start": 1, "server": "git", "environment": {...}, "directory": "/work"}``, with three descriptors, which become
  the standard streams of the new process: that server, in a session of its own, with that environment and no other;
* ``{"end": 1}``: kill it with all it started, unless it has ended, and forget it.

When the other side closes, all are killed. When this process is killed, they are, too. It has one thread and no keys.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module

from ironcurtain_tui.gateway.defaults import BUILT_IN

LARGEST_PACKET = 64 << 10
NICENESS = 10
"""Nobody waits for tools, but for the container and the agent that start at the same time."""
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15  # prctl(2)


def main() -> None:
    """Serve until the other side closes."""
    os.nice(NICENESS)
    gc.disable()
    for late in ("anyio._backends._asyncio", "mcp.server.stdio", *(f"{__package__}.{name}" for name in BUILT_IN)):
        import_module(late)
    gc.freeze()  # a collection would make copies of what the servers share
    gc.enable()
    channel = socket.socket(fileno=0)
    born: dict[int, int] = {}
    try:
        while True:
            packet, streams, _, _ = socket.recv_fds(channel, LARGEST_PACKET, 3)
            if not packet:
                return
            asked = json.loads(packet)
            if "end" in asked:
                if (ended := born.pop(asked["end"], None)) is not None:
                    _kill(ended)
                continue
            parent = os.getpid()
            child = os.fork()
            if child == 0:
                channel.detach()
                _become(asked["server"], asked["environment"], asked["directory"], streams, parent)
            born[asked["start"]] = child
            for stream in streams:
                os.close(stream)
    finally:
        for child in born.values():
            _kill(child)
        channel.close()


def _kill(child: int) -> None:
    # Nobody else has its number: a process that has ended keeps it until it is waited for.
    with suppress(ProcessLookupError):  # it has no session of its own yet
        os.killpg(child, signal.SIGKILL)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def _become(server: str, environment: Mapping[str, str], directory: str, streams: Sequence[int], parent: int) -> None:
    """Be that server to its end; never returns."""
    code = 1
    try:
        os.setsid()
        if sys.platform == "linux":
            libc = ctypes.CDLL(None)
            libc.prctl(_PR_SET_NAME, f"mcp-{server}".encode())
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                return
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
        os.closerange(3, max(streams) + 1)
        # Python's own were made for what was there before.
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(directory)
        import_module(f"{__package__}.{server}").main()
        code = 0
    except BaseException:  # written into the server's log, and the process ends here whatever it was
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError, OSError):  # the SDK has closed it, or nobody reads it
                stream.flush()
        os._exit(code)  # whatever happens: what comes after is the nursery's, which would end our siblings


if __name__ == "__main__":
    main()
