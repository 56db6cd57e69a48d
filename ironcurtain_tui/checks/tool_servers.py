"""The check that starts every tool server."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from ironcurtain_tui import config
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.gateway.defaults import servers
from ironcurtain_tui.gateway.upstream import ServerState, Upstream
from ironcurtain_tui.supervisor.way_out import WayOut

OUR_OWN = "[ironcurtain]"
"""In a tool server's log, what we wrote into it."""
TOOL_SERVER_SECONDS = 20.0
"""How long a tool server may take to start and list its tools."""


def started() -> Iterator[Finding]:
    """One finding a server. Blocks."""
    settings = config.load()
    every, way_out = servers(settings.mcp), WayOut(settings.network)
    with tempfile.TemporaryDirectory(prefix="ironcurtain-doctor-") as directory:
        yield from asyncio.run(_all_started(every, Path(directory), way_out))


async def _all_started(
    every: Mapping[str, config.McpServerSettings], directory: Path, way_out: WayOut
) -> list[Finding]:
    return list(await asyncio.gather(*(_started(name, one, directory, way_out) for name, one in every.items())))


async def _started(name: str, one: config.McpServerSettings, directory: Path, way_out: WayOut) -> Finding:
    settled: asyncio.Queue[tuple[ServerState, str]] = asyncio.Queue()
    log = directory / f"{name}.log"
    server = Upstream(
        name,
        one,
        directory,
        log,
        lambda _, state, reason: settled.put_nowait((state, reason)),
        transport=way_out.transport,
    )
    server.start()
    try:
        async with asyncio.timeout(TOOL_SERVER_SECONDS):
            state, reason = await settled.get()
            if state is ServerState.UP:
                count = len(await server.tools())
                return Finding("mcp", BadgeState.OK, f"{name}: {count} tools")
    except TimeoutError:
        reason = f"it did not answer within {TOOL_SERVER_SECONDS:.0f} s"
    except UserFacingError as error:
        reason = error.message
    finally:
        await server.stop()
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    said = [line for line in lines if line.strip() and OUR_OWN not in line][-1:]
    words = "".join(character if character.isprintable() else " " for character in f"{reason} {' '.join(said)}")
    remedy = f"Correct [mcp.servers.{name}] in config.toml; try its command by hand."
    return Finding("mcp", BadgeState.FAIL, f"{name} does not start: {words.strip()}", remedy)
