"""Qwen Code 0.24.4, which speaks with any provider of Chat Completions."""

from __future__ import annotations

from ironcurtain_tui.agents.base import (
    HELD_SECONDS,
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

MODELS = {"openrouter": "qwen/qwen3-coder", "openai": "gpt-5.1"}
"""When none is chosen."""

LONGEST_COMMAND_MS = 600_000
"""It takes no more, and two minutes when it is told nothing."""


class QwenCode(AgentAdapter):
    """Qwen's agent, in its full-screen form."""

    name = "qwen-code"
    title = "Qwen Code"
    image = "qwen-code"
    dialect = "qwen-code"
    providers = tuple(MODELS)
    state = (".qwen/projects",)
    names_conversations = True

    def prepare(self, context: AgentContext) -> AgentLaunch:
        provider, model = chosen(context, MODELS)
        env = {
            "OPENAI_API_KEY": context.sentinels[provider],
            "OPENAI_BASE_URL": base_url(context, provider),
            "QWEN_CODE_SUPPRESS_YOLO_WARNING": "1",
            "QWEN_CODE_API_TIMEOUT_MS": str(HELD_SECONDS * 1000),
            "QWEN_CODE_MCP_TOOL_IDLE_TIMEOUT_MS": str(TOOL_SECONDS * 1000),
            "OPENAI_MODEL": model or MODELS[provider],
        }
        return AgentLaunch(
            _command(context),
            env,
            {
                ".qwen/settings.json": as_json(_settings(context)),
                ".qwen/QWEN.md": orientation(context).encode(),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        return TaskLaunch(_command(context), PlainReader(), stdin=prompt)


def _command(context: AgentContext) -> tuple[str, ...]:
    command = ["qwen", "--yolo"]
    if context.conversation:
        command += ["--resume" if context.resumes else "--session-id", context.conversation]
    return tuple(command)


def _settings(context: AgentContext) -> dict[str, object]:
    return {
        "security": {"auth": {"selectedType": "openai"}, "folderTrust": {"enabled": False}},
        "general": {"enableAutoUpdate": False},
        "privacy": {"usageStatisticsEnabled": False},
        # Else it shows the model no tool of the gateway until the model searches for one.
        "tools": {"toolSearch": {"enabled": False}, "shell": {"defaultTimeoutMs": LONGEST_COMMAND_MS}},
        "telemetry": {"enabled": False},
        "ui": {"hideBanner": True, "hideTips": True},
        **mcp_servers(context, trust=True, timeout=TOOL_SECONDS * 1000),
    }
