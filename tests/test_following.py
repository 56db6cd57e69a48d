"""A start that fails is told with what to do about just that."""

from __future__ import annotations

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState, Notice, SessionInfo, SessionStatus, StatusChanged
from ironcurtain_tui.following import StartReport

FAILED = "There is no Docker Engine."


def keeper(*notices: tuple[str, str]) -> StateKeeper:
    """Of a session that has ended because of ``FAILED``; it had told of ``notices``: what, and what to do."""
    state = StateKeeper(
        SessionInfo(
            id="0123456789ab",
            agent="shell",
            agent_title="Shell",
            workspace="/w",
            rehearsal=True,
            network_mode="uds",
            started=0.0,
        )
    )
    for text, remedy in notices:
        state.number(Notice(level=BadgeState.FAIL, text=text, remedy=remedy, time=0.0))
    state.number(StatusChanged(status=SessionStatus.ENDED, detail=FAILED))
    return state


@pytest.mark.parametrize(
    ("notices", "remedy"),
    [
        ([(FAILED, "Start it.")], "Start it."),
        ([("A tool server is not there.", "Look.")], "Its log: "),
        ([("A tool server is not there.", "Look."), (FAILED, "Start it."), ("No clean-up.", "Run gc.")], "Start it."),
        ([("A tool server is not there.", "Look."), (FAILED, ""), ("No clean-up.", "Run gc.")], "Its log: "),
    ],
)
def test_the_remedy_is_that_of_the_failure(notices: list[tuple[str, str]], remedy: str) -> None:
    with pytest.raises(UserFacingError) as caught:
        StartReport(paths.SessionPaths.of("0123456789ab"), None).done(keeper(*notices))
    assert caught.value.message == FAILED
    assert caught.value.remedy.startswith(remedy)
