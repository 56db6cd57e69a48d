"""An agent of the user's own: whatever ``[agents.NAME]`` in config.toml says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

from ironcurtain_tui.agents.base import AgentAdapter, AgentContext, AgentLaunch, base_url, orientation
from ironcurtain_tui.agents.task import PlainReader, TaskLaunch
from ironcurtain_tui.config import SERVER_NAME, AgentSettings
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.providers import PROVIDERS

_PLACEHOLDER = re.compile(r"\$\{(?:(\w+):(\w+)|(model|workspace|orientation|mcp|mcp_command|mcp_args))\}")
"""Any other ``${NAME}`` is left to the shell."""


class Custom(AgentAdapter):
    """Runs the configured command in the configured image. Its conversations are not kept."""

    def __init__(self, name: str, settings: AgentSettings) -> None:
        """UserFacingError when ``settings`` name a provider that there is not, or a placeholder nothing stands for."""
        self.name = name
        self.title = settings.title or name
        self.image = "shell"
        self.providers = settings.providers
        self.settings = settings
        """What is not said here: its image, when it has one of its own."""
        if not SERVER_NAME.fullmatch(name):
            raise _wrong(name, "that is no name for an agent", "Use letters, digits and single - or _.")
        if unknown := [each for each in settings.providers if each not in PROVIDERS]:
            raise _wrong(name, f"there is no provider called {unknown[0]!r}", f"Known: {', '.join(PROVIDERS)}.")
        for text in (*settings.command, *settings.task, *settings.env.values(), *settings.files.values()):
            for kind, provider, _ in _PLACEHOLDER.findall(text):
                if kind and kind not in {"sentinel", "base_url"}:
                    known = ", ".join(f"${{{each}}}" for each in ("sentinel:PROVIDER", "base_url:PROVIDER", *_PLAIN))
                    raise _wrong(name, f"nothing stands for ${{{kind}:{provider}}}", f"Known: {known}.")
                if kind and provider not in settings.providers:
                    what = f"${{{kind}:{provider}}} needs {provider} among its providers"
                    raise _wrong(name, what, f'Add it: providers = ["{provider}"].')

    def prepare(self, context: AgentContext) -> AgentLaunch:
        settings = self.settings
        return AgentLaunch(
            tuple(_filled(word, context) for word in settings.command),
            {name: _filled(value, context) for name, value in settings.env.items()},
            {name: _filled(text, context).encode() for name, text in settings.files.items()},
        )

    def task(self, context: AgentContext, prompt: str) -> TaskLaunch | None:
        if not self.settings.task:
            return None
        return TaskLaunch(tuple(_filled(word, context) for word in self.settings.task), PlainReader(), stdin=prompt)


_PLAIN: dict[str, Callable[[AgentContext], str]] = {
    "model": lambda context: context.model,
    "workspace": lambda context: context.workspace,
    "orientation": orientation,
    "mcp": lambda context: json.dumps(list(context.mcp_bridge)),
    "mcp_command": lambda context: json.dumps(context.mcp_bridge[0]),
    "mcp_args": lambda context: json.dumps(list(context.mcp_bridge[1:])),
}
"""What stands for itself; the command that speaks MCP as JSON, whole or in its parts."""


def _filled(text: str, context: AgentContext) -> str:
    """``text`` with what its placeholders stand for in this session; a provider without a key leaves nothing."""

    def stand_in(found: re.Match[str]) -> str:
        kind, provider, plain = found.groups()
        if plain:
            return _PLAIN[plain](context)
        return context.sentinels.get(provider, "") if kind == "sentinel" else base_url(context, provider)

    return _PLACEHOLDER.sub(stand_in, text)


def _wrong(name: str, what: str, remedy: str) -> UserFacingError:
    return UserFacingError(f"agents.{name} in config.toml: {what}.", remedy)
