"""Goose 1.52.0. It goes on without the gateway's tools when the gateway does not answer at its start."""

from __future__ import annotations

from typing import NamedTuple

from ironcurtain_tui.agents.base import (
    MCP_SERVER,
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    as_json,
    base_url,
    chosen,
    orientation,
)
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch


class _Service(NamedTuple):
    key_variable: str
    host_variable: str
    path: str
    """Of the API's base URL, which Goose knows and does not want with the host."""
    model: str
    """When none is chosen."""


SERVICES = {
    "anthropic": _Service("ANTHROPIC_API_KEY", "ANTHROPIC_HOST", "", "claude-sonnet-4-5"),
    "openai": _Service("OPENAI_API_KEY", "OPENAI_HOST", "/v1", "gpt-5.1"),
    "google": _Service("GOOGLE_API_KEY", "GOOGLE_HOST", "", "gemini-2.5-pro"),
    "openrouter": _Service("OPENROUTER_API_KEY", "OPENROUTER_HOST", "/api/v1", "anthropic/claude-sonnet-4.5"),
}


class Goose(AgentAdapter):
    """Goose's own session in the terminal."""

    name = "goose"
    title = "Goose"
    image = "goose"
    dialect = "goose"
    providers = tuple(SERVICES)
    state = (".local/share/goose/sessions",)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        provider, model = chosen(context, SERVICES)
        service = SERVICES[provider]
        env = {
            service.key_variable: context.sentinels[provider],
            service.host_variable: base_url(context, provider).removesuffix(service.path),
            "GOOSE_PROVIDER": provider,
            "GOOSE_MODEL": model or service.model,
            "GOOSE_MODE": "auto",
            "GOOSE_DISABLE_KEYRING": "1",
            "GOOSE_TELEMETRY_ENABLED": "false",
            "GOOSE_TELEMETRY_OFF": "1",
        }
        return AgentLaunch(
            ("goose", "session", *_conversation(context), *(("--history",) if context.resumes else ())),
            env,
            {
                ".config/goose/config.yaml": as_json(_settings(context)),
                ".config/goose/.goosehints": orientation(context).encode(),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        command = ("goose", "run", *_conversation(context), "--quiet", "--instructions", "-")
        return TaskLaunch(command, PlainReader(), stdin=prompt)


def _conversation(context: AgentContext) -> tuple[str, ...]:
    name = ("--name", context.conversation) if context.conversation else ()
    return (*name, *(("--resume",) if context.resumes else ()))


def _settings(context: AgentContext) -> dict[str, object]:
    """Its config.yaml: JSON, which is YAML. Timeouts are in seconds."""
    bridge, *arguments = context.mcp_bridge
    return {
        "GOOSE_TELEMETRY_ENABLED": False,
        "extensions": {
            "developer": {
                "enabled": True,
                "type": "builtin",
                "name": "developer",
                "display_name": "Developer",
                "timeout": TOOL_SECONDS,
                "bundled": True,
            },
            MCP_SERVER: {
                "enabled": True,
                "type": "stdio",
                "name": MCP_SERVER,
                "cmd": bridge,
                "args": arguments,
                "envs": {},
                "timeout": TOOL_SECONDS,
            },
        },
    }
