"""A start that fails says why to whoever asked for it, however fast it failed, and leaves nothing."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.config import Config
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.following import follow_start
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.spawn import SupervisorProcess
from tests.waiting import until


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ic-"))
    monkeypatch.setenv("IRONCURTAIN_HOME", str(directory / "h"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/no-engine.sock")
    yield directory
    shutil.rmtree(directory)


async def test_the_reason_arrives_with_its_remedy(home: Path) -> None:
    session = SupervisorProcess().run(
        LaunchRequest(
            session_id=paths.new_session_id(),
            workspace=str(home),
            agent="shell",
            model="",
            rehearsal=True,
            image="none",
            cols=80,
            lines=24,
            config=Config(),
        )
    )
    with pytest.raises(UserFacingError, match="no Docker Engine") as caught:
        await follow_start(session, None)
    assert caught.value.remedy
    await until(lambda: not session.run.exists())
    assert session.audit_log.exists(), "what happened is kept"
