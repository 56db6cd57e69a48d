"""The agents we know how to run. One file an agent; ``agent`` finds one by name."""

from __future__ import annotations

import difflib

from ironcurtain_tui.agents.base import AgentAdapter, AgentContext, AgentLaunch
from ironcurtain_tui.agents.claude_code import ClaudeCode
from ironcurtain_tui.agents.codex import Codex
from ironcurtain_tui.agents.copilot import Copilot
from ironcurtain_tui.agents.gemini_cli import GeminiCli
from ironcurtain_tui.agents.goose import Goose
from ironcurtain_tui.agents.opencode import OpenCode
from ironcurtain_tui.agents.qwen_code import QwenCode
from ironcurtain_tui.agents.shell import Shell
from ironcurtain_tui.errors import UserFacingError

AGENTS: dict[str, AgentAdapter] = {
    adapter.name: adapter
    for adapter in (ClaudeCode(), Codex(), OpenCode(), GeminiCli(), QwenCode(), Goose(), Copilot(), Shell())
}
"""Every adapter by its name, in the order in which they are offered."""

__all__ = ["AGENTS", "AgentAdapter", "AgentContext", "AgentLaunch", "agent"]


def agent(name: str) -> AgentAdapter:
    """The adapter called ``name``; UserFacingError, with a guess at what was meant, when there is none."""
    if (adapter := AGENTS.get(name)) is not None:
        return adapter
    guesses = difflib.get_close_matches(name.lower(), AGENTS, n=1)
    meant = f" Did you mean {guesses[0]}?" if guesses else ""
    raise UserFacingError(f"There is no agent called {name!r}.{meant}", f"Choose one of: {', '.join(AGENTS)}.")
