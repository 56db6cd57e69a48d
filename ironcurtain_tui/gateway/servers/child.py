"""A child process with bounds: of time, of output, of what it can reach. Killed with all it started."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import anyio
from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers.fence import Fence

MOST_OUTPUT = 256 << 10
"""Bytes of output and of errors that are kept each; the rest is read and dropped."""


@dataclass(frozen=True)
class Finished:
    """What a child left."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True)
class Owner:
    """Whom a child runs as."""

    uid: int
    gid: int

    @classmethod
    def of(cls, path: Path) -> Owner | None:
        """The owner of ``path`` when we are root and it is not root's; None to stay who we are."""
        status = path.stat()
        return cls(status.st_uid, status.st_gid) if os.geteuid() == 0 and status.st_uid != 0 else None


async def run(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    cwd: Path,
    fence: Fence,
    seconds: float,
    owner: Owner | None = None,
    data: bytes = b"",
) -> Finished:
    """Run ``command`` to its end. ToolError when it takes longer than ``seconds``; killed then, and when cancelled."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE if data else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(environment),
        cwd=cwd,
        start_new_session=True,
        preexec_fn=fence.entrance(),
        user=owner.uid if owner else None,
        group=owner.gid if owner else None,
        extra_groups=[] if owner else None,
    )
    try:
        async with asyncio.timeout(seconds):
            output, errors, _ = await asyncio.gather(
                _read(process.stdout), _read(process.stderr), _feed(process.stdin, data)
            )
            return Finished(await process.wait(), output, errors)
    except TimeoutError:
        raise ToolError(f"{command[0]} was stopped after {seconds:.0f} s") from None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it and all it started have ended
        with anyio.move_on_after(5, shield=True):
            await process.communicate()  # until the pipes are closed


async def _read(stream: asyncio.StreamReader | None) -> str:
    if stream is None:
        return ""
    kept = bytearray()
    dropped = 0
    while data := await stream.read(64 << 10):
        room = MOST_OUTPUT - len(kept)
        kept += data[:room]
        dropped += max(0, len(data) - room)
    text = kept.decode("utf-8", "replace")
    return f"{text}\n[{dropped} more bytes]" if dropped else text


async def _feed(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is not None:
        try:
            stream.write(data)
            await stream.drain()
        except ConnectionError:
            pass  # it did not want it
        stream.close()
