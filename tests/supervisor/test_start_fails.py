"""A start that fails says why to whoever asked for it, however fast it failed, and leaves nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.following import follow_start
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.supervisor.spawn import SupervisorProcess
from tests.supervisor.asked import asked
from tests.waiting import PATIENCE, until


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="ic-"))
    monkeypatch.setenv("IRONCURTAIN_HOME", str(directory / "h"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{directory}/no-engine.sock")
    yield directory
    shutil.rmtree(directory)


async def test_the_reason_arrives_with_its_remedy(home: Path) -> None:
    session = SupervisorProcess().run(asked(home))
    with pytest.raises(UserFacingError, match="no Docker Engine") as caught:
        await follow_start(session, None)
    assert caught.value.remedy
    await until(lambda: not session.run.exists())
    assert session.audit_log.exists(), "what happened is kept"


def test_for_somebody_who_has_gone_nothing_is_started(home: Path) -> None:
    """Not even what would have failed."""
    wanted = asked(home)
    ours, theirs = os.pipe()
    os.close(ours)  # nobody will read the answer
    subprocess.run(
        [sys.executable, "-m", "ironcurtain_tui.supervisor"],
        input=msgspec.json.encode(wanted),
        stdout=theirs,
        check=True,
        timeout=PATIENCE,
    )
    os.close(theirs)
    session = paths.SessionPaths.of(wanted.session_id)
    record = registry.read_record(session)
    assert record is not None
    assert record.outcome == "whoever asked for it had gone"
    assert not session.audit_log.exists()
    assert not session.run.exists()
