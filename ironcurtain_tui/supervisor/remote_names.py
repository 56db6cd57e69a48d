"""What the person's repository calls its remotes, read before the agent can change it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mcp.server.fastmcp.exceptions import ToolError

from ironcurtain_tui.gateway.servers.repository import opened


async def remote_names(workspace: Path) -> Mapping[str, str]:
    """URLs, for fetching and for pushing, and the name of each; empty when there is no repository to be read."""
    found: dict[str, str] = {}
    try:
        async with opened(workspace) as repository:
            for name in repository.remotes:
                for push in (False, True):
                    with suppress(ToolError):  # one that git may not speak to has no name here
                        found[repository.url_for(name, push=push)] = name
    except (ToolError, OSError, ValueError):
        pass  # no repository that can be read
    return found
