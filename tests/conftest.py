"""Fixtures for every room."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: neither an example that takes long, nor examples that are long in the making.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


NO_KEYS = (
    "ANTHROPIC_API_KEY",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_SECURESTORAGE_CONFIG_DIR",
    "GEMINI_API_KEY",
    "OPENAI_API_KEY",
    "OPENROUTER_API_KEY",
)
NO_LOGINS = dict.fromkeys(("CLAUDE_CONFIG_DIR", "ANTHROPIC_CONFIG_DIR", "CODEX_HOME"), "/nonexistent")


@pytest.fixture(autouse=True)
def _no_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key or a log-in of the person who runs the tests must never reach one."""
    for name in NO_KEYS:
        monkeypatch.delenv(name, raising=False)
    for name, nowhere in NO_LOGINS.items():
        monkeypatch.setenv(name, nowhere)


def engine_or_skip() -> None:
    """Skip without an engine, but never in CI: there a missing engine is a failure."""
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.errors import UserFacingError

    try:
        Engine.connect()
    except UserFacingError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"no Docker Engine: {error.message}")
