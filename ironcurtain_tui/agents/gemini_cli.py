"""Gemini CLI 0.61.0. It asks a second, smaller model before each turn which of its models shall answer."""

from __future__ import annotations

from ironcurtain_tui.agents.base import (
    HELD_SECONDS,
    HOME,
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    as_json,
    base_url,
    mcp_servers,
    orientation,
)
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch

EXPERIMENTS = ".gemini/experiments.json"
"""The only place where it can be told to wait longer than a minute for a model."""
REQUEST_TIMEOUT = 45773134
"""The number of that setting; seconds."""


class GeminiCli(AgentAdapter):
    """Google's agent, in its full-screen form."""

    name = "gemini-cli"
    title = "Gemini CLI"
    image = "gemini-cli"
    dialect = "gemini-cli"
    providers = ("google",)
    state = (".gemini/tmp",)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        env = {
            "GEMINI_API_KEY": context.sentinels["google"],
            "GEMINI_CLI_TRUST_WORKSPACE": "true",
            "GEMINI_TELEMETRY_ENABLED": "false",
            "NO_BROWSER": "1",
            "GEMINI_EXP": f"{HOME}/{EXPERIMENTS}",
            "GOOGLE_GEMINI_BASE_URL": base_url(context, "google"),
        }
        return AgentLaunch(
            _command(context),
            env,
            {
                ".gemini/settings.json": as_json(_settings(context)),
                EXPERIMENTS: as_json({"flags": [{"flagId": REQUEST_TIMEOUT, "intValue": str(HELD_SECONDS)}]}),
                ".gemini/trustedFolders.json": as_json({context.workspace: "TRUST_FOLDER"}),
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
    return {
        "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
        "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
        "privacy": {"usageStatisticsEnabled": False},
        "telemetry": {"enabled": False},
        "tools": {"shell": {"inactivityTimeout": HELD_SECONDS}},
        "ui": {"hideBanner": True, "hideTips": True},
        "ide": {"hasSeenNudge": True},
        **mcp_servers(context, trust=True, timeout=TOOL_SECONDS * 1000),
    }
