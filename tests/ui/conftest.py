"""Fixtures: a scripted session, and times that do not depend on where the tests run."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from .scripted_session import ScriptedSession, scripted


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[ScriptedSession]:
    async with scripted(tmp_path / "control.sock") as running:
        yield running
