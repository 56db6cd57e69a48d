"""Entry point of the supervisor process: reads a LaunchRequest from standard input and runs it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys

import msgspec

from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.session import Session


async def _run(request: LaunchRequest) -> None:
    session = Session.for_request(request)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, session.request_stop, f"signal {number.name}")
    await session.run()


def main() -> None:
    """Run one session until it ends. Survives the terminal it was started from."""
    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=LaunchRequest)
    asyncio.run(_run(request))


if __name__ == "__main__":
    main()
