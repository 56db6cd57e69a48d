"""Fixtures: a scripted session, and times that do not depend on where the tests run."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.app import App

from .on_screen import OnScreen
from .scripted_session import ScriptedSession, scripted


@pytest.fixture
def picture(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(SVGImageExtension)


def drawn(it: OnScreen[Any]) -> str:
    """The screen as SVG, without the web fonts that Textual refers to."""
    return re.sub(r"@font-face \{.*?\}\s*", "", it.app.export_screenshot(simplify=True), flags=re.DOTALL)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture(autouse=True)
def patient_clicks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clicks on one spot belong together however long a busy machine takes between them."""
    monkeypatch.setattr(App, "CLICK_CHAIN_TIME_THRESHOLD", 3600.0)


@pytest.fixture
async def session(tmp_path: Path) -> AsyncIterator[ScriptedSession]:
    async with scripted(tmp_path / "control.sock") as running:
        yield running
