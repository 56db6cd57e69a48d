"""Entry point of the supervisor process: reads a LaunchRequest from standard input, answers it, and runs it.

It is started before there is a request, and loads its libraries meanwhile. Without one it ends.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading

import msgspec

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.supervisor.host import host, load_libraries, settle
from ironcurtain_tui.supervisor.request import Answer, LaunchRequest


async def _run(request: LaunchRequest, channel: int) -> None:
    """The whole session. Whoever started us reads at the other end of ``channel``."""
    try:
        await host(request, lambda: _answer(channel, Answer()))
    except UserFacingError as error:
        _answer(channel, Answer(error.message, error.remedy))


def _answer(channel: int, answer: Answer) -> bool:
    """Whether anybody waits for it."""
    try:
        os.write(channel, msgspec.json.encode(answer))
    except BrokenPipeError:
        return False
    finally:
        os.close(channel)
    return True


def main() -> None:
    """Run one session until it ends."""
    settle()
    threading.Thread(target=load_libraries, name="libraries", daemon=True).start()
    told = sys.stdin.buffer.read()
    if told:
        request = msgspec.json.decode(told, type=LaunchRequest)
        asyncio.run(_run(request, os.dup(1)))


if __name__ == "__main__":
    main()
