"""The agents we know how to run; ``agent`` finds one by name.

Another one is a file here with its ``AgentAdapter``, named in ``AGENTS`` (and in ``cli.WHO``, which has no time to
ask), and a directory of ``images/`` with a Dockerfile. The tests go through all of ``AGENTS`` and want to know two
things: what its screen looks like when it is ready (``LOOKS`` in tests/e2e/test_every_agent.py), and what it keeps of a
conversation (tests/agents/test_agents.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from ironcurtain_tui.agents.base import AgentAdapter, AgentContext, AgentLaunch
from ironcurtain_tui.agents.claude_code import ClaudeCode
from ironcurtain_tui.agents.codex import Codex
from ironcurtain_tui.agents.copilot import Copilot
from ironcurtain_tui.agents.custom import Custom
from ironcurtain_tui.agents.gemini_cli import GeminiCli
from ironcurtain_tui.agents.goose import Goose
from ironcurtain_tui.agents.opencode import OpenCode
from ironcurtain_tui.agents.qwen_code import QwenCode
from ironcurtain_tui.agents.shell import Shell
from ironcurtain_tui.config import AgentSettings
from ironcurtain_tui.errors import UserFacingError

AGENTS: dict[str, AgentAdapter] = {
    adapter.name: adapter
    for adapter in (ClaudeCode(), Codex(), OpenCode(), GeminiCli(), QwenCode(), Goose(), Copilot(), Shell())
}
"""Every adapter by its name, in the order in which they are offered."""

__all__ = ["AGENTS", "AgentAdapter", "AgentContext", "AgentLaunch", "Custom", "agent"]


def agent(name: str, own: Mapping[str, AgentSettings] | None = None) -> AgentAdapter:
    """The adapter called ``name``, which may be one of the user's ``own``.

    UserFacingError, with a guess at what was meant, when there is none, and when an own one is not right.
    """
    if (adapter := AGENTS.get(name)) is not None:
        return adapter
    if (settings := (own or {}).get(name)) is not None:
        return Custom(name, settings)
    names = [*AGENTS, *(own or ())]
    guesses = difflib.get_close_matches(name.lower(), names, n=1)
    meant = f" Did you mean {guesses[0]}?" if guesses else ""
    raise UserFacingError(f"There is no agent called {name!r}.{meant}", f"Choose one of: {', '.join(names)}.")
