"""What stands behind the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mcp.types import CallToolResult, Resource, Tool


class ToolServer(Protocol):
    """A source of tools and resources. The agent sees each tool as ``<name>__<tool>``."""

    name: str
    """Without ``__``."""

    async def tools(self) -> Sequence[Tool]:
        """The tools it has right now, under their own names."""

    async def call(self, tool: str, arguments: dict[str, object]) -> CallToolResult:
        """Carry out a call that was admitted; its arguments satisfy the tool's schema."""

    async def resources(self) -> Sequence[Resource]:
        """What it lets the agent read without a decision."""

    async def read(self, uri: str) -> str | None:
        """The text of a resource; None when it is not one of this server's."""
