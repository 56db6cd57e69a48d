"""Codex 0.169.0, with a provider of our own definition, so that it calls exactly one endpoint.

Its built-in provider would open a websocket, ask chatgpt.com for models with the API key, and fetch plug-ins from
GitHub. Without ``daemon_auto_start=false`` its screen starts a daemon that goes on after it ends.
"""

from __future__ import annotations

import json

from ironcurtain_tui.agents.base import (
    MCP_SERVER,
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    base_url,
    chosen,
    orientation,
)
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.rules import RequestRule

KEY_VARIABLE = "OPENAI_API_KEY"


class Codex(AgentAdapter):
    """OpenAI's agent, in its full-screen form."""

    name = "codex"
    title = "Codex"
    image = "codex"
    dialect = "codex"
    providers = ("openai", "chatgpt")
    by_login = ("chatgpt",)
    state = (".codex/sessions",)

    @property
    def unwanted(self) -> tuple[RequestRule, ...]:
        """The news that its screen fetches at every start."""
        return (
            RequestRule(
                name="Codex fetches news",
                host="raw.githubusercontent.com",
                path="/openai/codex/main/announcement_tip.toml",
                then=Decision.DENY,
                reason="nobody needs it",
            ),
        )

    def prepare(self, context: AgentContext) -> AgentLaunch:
        # It names its conversations itself; of what was kept, the last is the one to go on with.
        command = (
            "codex",
            *(("resume", "--last", "--include-non-interactive") if context.resumes else ()),
            *_options(context),
        )
        provider, _ = chosen(context, self.providers)
        return AgentLaunch(
            command,
            {KEY_VARIABLE: context.sentinels[provider]},
            {
                ".codex/config.toml": _settings(context).encode(),
                ".codex/AGENTS.md": orientation(context).encode(),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        resuming = ("resume", "--last") if context.resumes else ()
        command = ("codex", "exec", "--skip-git-repo-check", *_options(context), *resuming, "-")
        return TaskLaunch(command, PlainReader(), stdin=prompt)


def _options(context: AgentContext) -> tuple[str, ...]:
    _, model = chosen(context, Codex.providers)
    named = ("--model", model) if model else ()
    return ("--dangerously-bypass-approvals-and-sandbox", "--cd", context.workspace, *named)


def _settings(context: AgentContext) -> str:
    """Its config.toml. Strings are written as JSON has them, which TOML reads as the same."""
    bridge, *arguments = context.mcp_bridge
    provider, _ = chosen(context, Codex.providers)
    return f"""\
model_provider = "ironcurtain"
approval_policy = "never"
sandbox_mode = "danger-full-access"
check_for_update_on_startup = false

[model_providers.ironcurtain]
name = "OpenAI, through IronCurtain"
base_url = {json.dumps(base_url(context, provider))}
env_key = "{KEY_VARIABLE}"
wire_api = "responses"
supports_websockets = false

[projects.{json.dumps(context.workspace)}]
trust_level = "trusted"

[analytics]
enabled = false

[features]
daemon_auto_start = false
api_key_model_discovery = false
enable_request_compression = false
plugins = false
remote_plugin = false
apps = false

[mcp_servers.{MCP_SERVER}]
command = {json.dumps(bridge)}
args = {json.dumps(arguments)}
startup_timeout_sec = 60
tool_timeout_sec = {TOOL_SECONDS}
default_tools_approval_mode = "approve"
"""
