"""OpenCode 1.18.33.

It would ask a host of its own for the list of models; a made-up answer breaks it, so it is told to use the list it has.
"""

from __future__ import annotations

from ironcurtain_tui.agents.base import (
    HELD_SECONDS,
    MCP_SERVER,
    TOOL_SECONDS,
    AgentAdapter,
    AgentContext,
    AgentLaunch,
    as_json,
    chosen,
    orientation,
)
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch

KEY_VARIABLES = {
    "anthropic": "ANTHROPIC_API_KEY",
    "openai": "OPENAI_API_KEY",
    "google": "GOOGLE_GENERATIVE_AI_API_KEY",
    "openrouter": "OPENROUTER_API_KEY",
}


PATHS = {"anthropic": "/v1", "google": "/v1beta"}
"""What it wants at the end of a provider's base URL."""
MODELS = {"google": "gemini-3.1-pro-preview"}
"""Where its own choice would be a model for images."""


class OpenCode(AgentAdapter):
    """OpenCode, in its full-screen form, with whichever providers there are keys for."""

    name = "opencode"
    title = "OpenCode"
    image = "opencode"
    dialect = "opencode"
    providers = tuple(KEY_VARIABLES)
    state = (".local/share/opencode",)

    def prepare(self, context: AgentContext) -> AgentLaunch:
        resuming = ("--continue",) if context.resumes else ()
        env = {
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_EXPERIMENTAL_BASH_DEFAULT_TIMEOUT_MS": str(HELD_SECONDS * 1000),
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
            **{KEY_VARIABLES[name]: key for name, key in context.sentinels.items()},
        }
        return AgentLaunch(
            ("opencode", *resuming, context.workspace),
            env,
            {
                ".config/opencode/opencode.json": as_json(_settings(context)),
                ".config/opencode/AGENTS.md": orientation(context).encode(),
                # It would install this library for plug-ins beside its settings; so it takes it for installed.
                ".config/opencode/node_modules/.package-lock.json": b"{}",
                ".config/opencode/package-lock.json": as_json(_INSTALLED),
            },
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch:
        resuming = ("--continue",) if context.resumes else ()
        return TaskLaunch(("opencode", "run", *resuming), PlainReader(), stdin=prompt)


_INSTALLED = {"packages": {"": {"dependencies": {"@opencode-ai/plugin": "*"}}}}


def _settings(context: AgentContext) -> dict[str, object]:
    settings: dict[str, object] = {
        "autoupdate": False,
        "share": "disabled",
        "enabled_providers": list(context.sentinels),
        "permission": {"edit": "allow", "bash": "allow", "webfetch": "allow", "external_directory": "allow"},
        "mcp": {
            MCP_SERVER: {
                "type": "local",
                "command": list(context.mcp_bridge),
                "enabled": True,
                "timeout": TOOL_SECONDS * 1000,
            }
        },
    }
    if context.base_urls:
        places = {name: f"{url}{PATHS.get(name, '')}" for name, url in context.base_urls.items()}
        settings["provider"] = {name: {"options": {"baseURL": url}} for name, url in places.items()}
    if model := _model(context):
        settings["model"] = model
    return settings


def _model(context: AgentContext) -> str:
    """``PROVIDER/MODEL``, as it writes them; also for a model without its provider. Empty: it chooses."""
    provider, model = chosen(context, KEY_VARIABLES)
    if model.partition("/")[0] in context.sentinels:
        return model
    model = model or MODELS.get(provider, "")
    return model and f"{provider}/{model}"
