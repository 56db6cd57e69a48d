"""Gemini CLI 0.61.0. It asks a second, smaller model before each turn which of its models shall answer."""

from __future__ import annotations

import json

from ironcurtain_tui.agents.base import MCP_SERVER, AgentAdapter, AgentContext, AgentLaunch, base_url, orientation
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch


class GeminiCli(AgentAdapter):
    """Google's agent, in its full-screen form."""

    name = "gemini-cli"
    title = "Gemini CLI"
    image = "gemini-cli"
    providers = ("google",)
    state = (".gemini/tmp",)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        env = {
            "GEMINI_API_KEY": context.sentinels["google"],
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_TELEMETRY_ENABLED": "false",
            "NO_BROWSER": "1",
            "GOOGLE_GEMINI_BASE_URL": base_url(context, "google"),
        }
        return AgentLaunch(
            _command(context),
            env,
            {
                ".gemini/settings.json": json.dumps(_settings(context), indent=2).encode(),
                ".gemini/trustedFolders.json": json.dumps({context.workspace: "TRUST_FOLDER"}).encode(),
                ".gemini/GEMINI.md": orientation(context).encode(),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        return TaskLaunch(_command(context), PlainReader(), stdin=prompt)


def _command(context: AgentContext) -> tuple[str, ...]:
    command = ["gemini", "--yolo"]
    if context.resumes:
        command += ["--resume", "latest"]
    elif context.conversation:
        command += ["--session-id", context.conversation]
    if context.model:
        command += ["--model", context.model.removeprefix("google:")]
    return tuple(command)


def _settings(context: AgentContext) -> dict[str, object]:
    bridge, *arguments = context.mcp_bridge
    return {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "ui": {"hideBanner": True, "hideTips": True},
        "ide": {"hasSeenNudge": True},
        "mcpServers": {MCP_SERVER: {"command": bridge, "args": arguments, "trust": True, "timeout": 3_600_000}},
    }
