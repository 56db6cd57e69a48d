"""The tool servers of a session: those that come with us, and those of the person's configuration."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from ironcurtain_tui.config import McpServerSettings, McpSettings

BUILT_IN = ("git", "fetch", "filesystem")
_FOR_GIT = ("SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
            "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE",
            "SSL_CERT_DIR")  # fmt: skip


def built_in(name: str) -> McpServerSettings:
    """How to start one of our own servers."""
    variables = _FOR_GIT if name == "git" else ()
    return McpServerSettings(
        # nobody waits for them, but for the container and the agent that start at the same time
        command="nice",
        args=("-n", "10", sys.executable, "-P", "-m", f"ironcurtain_tui.gateway.servers.{name}"),
        env={
            # where we ourselves come from: the current directory, the agent's, is never searched (-P)
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
            **{variable: os.environ[variable] for variable in variables if variable in os.environ},
        },
    )


def servers(settings: McpSettings) -> Mapping[str, McpServerSettings]:
    """Every server of a session by name, except those that are switched off."""
    every = {**{name: built_in(name) for name in BUILT_IN}, **settings.servers}
    return {name: one for name, one in every.items() if one.enabled}
