"""Our own command line as a child: what starts and stops sessions, so that the app itself need not know how."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence

LINES_KEPT = 200
LONGEST_LINE = 1 << 16
"""Bytes."""


async def run(command: Sequence[str], say: Callable[[str], object], size: tuple[int, int] = (80, 24)) -> int:
    """Run ``command`` without a terminal, hand every line it writes to ``say``, and return its exit code.

    ``size``: columns and lines that it is to believe in. When this is cancelled, the child is ended; what it has
    started by then goes on. OSError when it cannot be started.
    """
    environment = {**os.environ, "COLUMNS": str(size[0]), "LINES": str(size[1]), "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment,
        start_new_session=True,
        limit=LONGEST_LINE,
    )
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    try:
        while line := await process.stdout.readline():
            say(line.decode("utf-8", "replace").rstrip())
        return await process.wait()
    except ValueError:
        raise OSError("it wrote a line that is too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
