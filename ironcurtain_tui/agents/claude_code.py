"""Claude Code 2.1.330, started without a single question.

The seeds answer what it would ask at its first start (theme, key, trust, bypass warning, automatic mode). It
may do anything inside the container without asking: the container, the proxy and the gateway are what holds it.
"""

from __future__ import annotations

from collections.abc import Mapping

from ironcurtain_tui.agents.base import (
    HELD_SECONDS,
    HOME,
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    as_json,
    mcp_servers,
    orientation,
)
from ironcurtain_tui.agents.claude_stream import ClaudeReader
from ironcurtain_tui.agents.task import TaskLaunch

MCP_CONFIG = ".config/ironcurtain/claude-mcp.json"
KEY_VARIABLE = "ANTHROPIC_API_KEY"
TOKEN_VARIABLE = "CLAUDE_CODE_OAUTH_TOKEN"  # noqa: S105 -- a name
"""For the token of a log-in; it asks nothing about it."""
KEY_TAIL = 20
"""Characters of a key by which Claude Code remembers that its use was approved."""


class ClaudeCode(AgentAdapter):
    """Anthropic's agent, in its full-screen form."""

    name = "claude-code"
    title = "Claude Code"
    image = "claude-code"
    dialect = "claude-code"
    providers = ("anthropic",)
    by_login = providers
    state = (".claude/projects",)
    names_conversations = True
    """It writes a conversation's file with the first message, and refuses to resume one without."""

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        # Printing one event a line as it happens needs --verbose. What it left in the background would be cut off.
        command = (*_command(context), "-p", "--output-format", "stream-json", "--verbose")
        env = {"CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1"}
        return TaskLaunch(command, ClaudeReader(), stdin=prompt, env=env)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        key = context.sentinels["anthropic"]
        env = {
            TOKEN_VARIABLE if "anthropic" in context.logins else KEY_VARIABLE: key,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            # Else every start asks two hosts for plug-ins, and the person is asked about both.
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            # Else it shows the model no tool of the gateway until the model searches for one.
            "ENABLE_TOOL_SEARCH": "false",
            # Milliseconds: no call may time out while a person thinks about it; nor a request that is held.
            "MCP_TIMEOUT": "60000",
            "MCP_TOOL_TIMEOUT": str(TOOL_SECONDS * 1000),
            "CLAUDE_CODE_MCP_AUTO_BACKGROUND_MS": "0",  # else it goes on without the answer after two minutes
            "CLAUDE_STREAM_FIRST_BYTE_TIMEOUT_MS": str(HELD_SECONDS * 1000),
            "API_TIMEOUT_MS": str(HELD_SECONDS * 1000),
            "BASH_DEFAULT_TIMEOUT_MS": str(HELD_SECONDS * 1000),
            "BASH_MAX_TIMEOUT_MS": str(TOOL_SECONDS * 1000),
        }
        if "anthropic" in context.base_urls:
            env["ANTHROPIC_BASE_URL"] = context.base_urls["anthropic"]
        if context.runs_as_root:
            env["IS_SANDBOX"] = "1"  # without it, it refuses to skip permissions as root
        return AgentLaunch(
            _command(context),
            env,
            {
                ".claude.json": as_json(_state(context.workspace, key)),
                ".claude/settings.json": as_json(_SETTINGS),
                MCP_CONFIG: as_json(mcp_servers(context)),
            },
        )


def _command(context: AgentContext) -> tuple[str, ...]:
    command = [
        "claude",
        "--dangerously-skip-permissions",
        "--mcp-config",
        f"{HOME}/{MCP_CONFIG}",
        "--strict-mcp-config",
        "--append-system-prompt",
        orientation(context),
    ]
    if context.conversation:
        command += ["--resume" if context.resumes else "--session-id", context.conversation]
    if context.model:
        command += ["--model", context.model.removeprefix("anthropic:")]
    return tuple(command)


_SETTINGS = {
    "skipDangerousModePermissionPrompt": True,
    "skipAutoPermissionPrompt": True,
    "disableAutoMode": "disable",
    "skipWorkflowUsageWarning": True,
    # It would ask a host of Anthropic's about every URL before fetching it.
    "skipWebFetchPreflight": True,
    "permissions": {"defaultMode": "bypassPermissions"},
}


def _state(workspace: str, key: str) -> Mapping[str, object]:
    return {
        "hasCompletedOnboarding": True,
        "lastOnboardingVersion": "99.0.0",
        "numStartups": 1,
        "theme": "dark",
        "projects": {
            workspace: {"allowedTools": [], "hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
        },
        "customApiKeyResponses": {"approved": [key[-KEY_TAIL:]], "rejected": []},
    }
