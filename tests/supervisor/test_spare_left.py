"""A spare that cannot be left behind is nobody's trouble."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui.control.server import ControlServer
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.sessions import spare
from ironcurtain_tui.supervisor import session as sessions
from ironcurtain_tui.supervisor.session import Session
from tests.supervisor.asked import asked


@pytest.mark.parametrize("error", [UserFacingError("Cannot create the directory."), OSError("too many processes")])
async def test_it_is_no_failure_of_the_session(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(_: Path, room: int) -> None:
        assert room == spare.LEFT_FROM
        raise error

    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    monkeypatch.setattr(sessions, "SPARE_SECONDS", 0.0)
    monkeypatch.setattr(ControlServer, "deciders", 1)
    monkeypatch.setattr(spare, "leave", leave)
    await Session.for_request(asked(tmp_path))._leave_spare()
    assert str(error) in caplog.text
