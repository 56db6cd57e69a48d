"""What is said when it is over names the session, what happened and what to do."""

import pytest

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionStatus
from ironcurtain_tui.ui import departure


def test_detaching_tells_the_way_back() -> None:
    assert departure.detached("3f2a9c41d07b") == departure.Departure(
        "The agent keeps running in session 3f2a9c41d07b.\nAttach again: ironcurtain-tui attach 3f2a9c41d07b"
    )


def test_a_refusal_keeps_message_and_remedy() -> None:
    assert departure.refused(UserFacingError("No.", "Try again.")) == departure.Departure("No.\nTry again.", 1)


@pytest.mark.parametrize("status", SessionStatus)
def test_only_lost_and_ended_are_endings(status: SessionStatus) -> None:
    ending = departure.of_status(status, "why")
    assert (ending is not None) == (status in {SessionStatus.LOST, SessionStatus.ENDED})
    if ending is not None:
        assert "why" in ending.what
        assert ending.status is status
        assert ending.departure().exit_code == (1 if status is SessionStatus.LOST else 0)


def test_a_goodbye_has_one_full_stop() -> None:
    assert departure.goodbye("It was stopped.", None).what == "The session is over: It was stopped."
    assert departure.goodbye("stopped", 137).what == "The session is over: stopped. The agent exited with code 137."


def test_a_start_that_failed_says_why_and_what_to_do() -> None:
    ending = departure.not_started("policy.toml, line 1: unknown setting `version`.", "Run `policy check`.")
    assert ending.what == "The session did not start: policy.toml, line 1: unknown setting `version`."
    assert ending.remedy == "Run `policy check`. Close with q."
    assert ending.status is SessionStatus.ENDED
    assert ending.departure().exit_code == 1


def test_an_end_has_one_full_stop() -> None:
    ending = departure.of_status(SessionStatus.ENDED, "It was stopped.")
    assert ending is not None
    assert ending.what == "The agent has ended: It was stopped."
