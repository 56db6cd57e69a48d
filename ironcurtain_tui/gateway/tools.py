"""What stands behind the gateway."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Protocol

from mcp.types import (
    BlobResourceContents,
    CallToolResult,
    GetPromptResult,
    Prompt,
    Resource,
    ResourceTemplate,
    TextResourceContents,
    Tool,
)

Contents = Sequence[TextResourceContents | BlobResourceContents]


class CannotServe(Exception):  # noqa: N818 -- reads as what it says
    """A server cannot do what it was asked; the message is for the agent and holds nothing secret."""


class Report(Protocol):
    """Tells the caller how far a call has come."""

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        """As in MCP's progress notifications; does nothing for a caller that did not ask for them."""


class ToolServer(ABC):
    """A source of tools, resources and prompts. The agent sees each tool as ``<name>__<tool>``."""

    name: str
    """Without ``__``."""
    own = True
    """Part of the session itself: its resources and prompts may be read without a decision."""

    @abstractmethod
    async def tools(self) -> Sequence[Tool]:
        """The tools it has right now, under their own names."""

    @abstractmethod
    async def call(self, tool: str, arguments: dict[str, object], report: Report) -> CallToolResult:
        """Carry out a call that was admitted; its arguments satisfy the tool's schema. CannotServe says why not."""

    async def complete(self, tool: str, arguments: dict[str, object]) -> dict[str, object]:  # noqa: ARG002
        """``arguments`` with what they leave open filled in, so that what is decided on is what is done.

        Without any effect, since it comes before the decision. CannotServe when they make no sense.
        """
        return arguments

    async def resources(self) -> Sequence[Resource]:
        """The resources it has right now."""
        return ()

    async def templates(self) -> Sequence[ResourceTemplate]:
        """Patterns of further resources."""
        return ()

    async def read(self, uri: str) -> Contents:  # noqa: ARG002
        """What is in one of its resources. CannotServe says why not."""
        raise CannotServe("there is no such resource")

    async def prompts(self) -> Sequence[Prompt]:
        """The prompts it has right now, under their own names."""
        return ()

    async def prompt(self, name: str, arguments: dict[str, str]) -> GetPromptResult:  # noqa: ARG002
        """One of its prompts, filled in. CannotServe says why not."""
        raise CannotServe("there is no such prompt")
