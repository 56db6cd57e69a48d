"""The screen's end of the audit follower (audit/follower.py): starts it, hears its reports, ends it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

import ironcurtain_tui
from ironcurtain_tui.audit.follower import AnyReport, Trouble

END_SECONDS = 2.0
LONGEST_REPORT = 1 << 20
_decoder = msgspec.json.Decoder(AnyReport)


async def follow(root: Path, report: Callable[[AnyReport], None]) -> None:
    """Run a follower of the state directory ``root`` and hand on what it reports, until this is cancelled."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-sP",
        "-m",
        "ironcurtain_tui.audit.follower",
        str(root),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": str(Path(ironcurtain_tui.__file__).parent.parent), "LC_ALL": "C.UTF-8"},
        start_new_session=True,
        limit=LONGEST_REPORT,
    )
    try:
        if process.stdout is not None:
            async for line in process.stdout:
                report(_decoder.decode(line))
        text = "Nothing is indexed or verified any more: the process that did it has ended."
        report(Trouble(text=text, remedy="Close the browser and open it again."))
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), END_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            process.kill()
            await process.wait()
