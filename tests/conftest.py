"""Fixtures for every room."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy machine is no failure
settings.load_profile("any machine")


@pytest.fixture(autouse=True)
def _no_real_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key of the person who runs the tests must never reach one."""
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)


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
