"""Copilot CLI 1.0.102 with a key of the user's own, and so without a log-in at GitHub."""

from __future__ import annotations

from typing import NamedTuple

from ironcurtain_tui.agents.base import (
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    as_json,
    base_url,
    chosen,
    mcp_servers,
    orientation,
)
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch


class _Service(NamedTuple):
    kind: str
    wire_format: str
    model: str
    """When none is chosen."""


SERVICES = {
    "openai": _Service("openai", "responses", "gpt-5.1"),
    "anthropic": _Service("anthropic", "", "claude-sonnet-4-5"),
    "openrouter": _Service("openai", "completions", "openai/gpt-5.1"),
}


class Copilot(AgentAdapter):
    """GitHub's agent, in its full-screen form, as a client of another provider."""

    name = "copilot"
    title = "Copilot CLI"
    image = "copilot"
    dialect = "copilot"
    providers = tuple(SERVICES)
    state = (".copilot/session-state",)
    names_conversations = True

    def prepare(self, context: AgentContext) -> AgentLaunch:
        provider, model = chosen(context, SERVICES)
        service = SERVICES[provider]
        env = {
            "COPILOT_PROVIDER_TYPE": service.kind,
            **({"COPILOT_PROVIDER_WIRE_API": service.wire_format} if service.wire_format else {}),
            "COPILOT_PROVIDER_BASE_URL": base_url(context, provider),
            "COPILOT_PROVIDER_API_KEY": context.sentinels[provider],
            "COPILOT_MODEL": model or service.model,
            "COPILOT_OFFLINE": "true",
            "COPILOT_AUTO_UPDATE": "false",
        }
        servers = mcp_servers(context, type="local", tools=["*"], timeout=TOOL_SECONDS * 1000)
        settings = {"trusted_folders": [context.workspace], "banner": "never", "auto_update": False}
        return AgentLaunch(
            _command(context),
            env,
            {
                ".copilot/config.json": as_json(settings),
                ".copilot/mcp-config.json": as_json(servers),
                ".copilot/copilot-instructions.md": orientation(context).encode(),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        return TaskLaunch((*_command(context), "--no-color"), PlainReader(), stdin=prompt)


def _command(context: AgentContext) -> tuple[str, ...]:
    command = ["copilot", "--allow-all", "--disable-builtin-mcps", "--disable-client-telemetry", "--no-auto-update"]
    if context.conversation:
        command += ["--session-id", context.conversation]  # goes on with it where there is one
    return tuple(command)
