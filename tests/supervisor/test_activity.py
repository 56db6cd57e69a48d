"""What the session is said to be doing, told from what passes."""

from __future__ import annotations

import pytest

from ironcurtain_tui.events import Decision, Flow, FlowState, SessionInfo, SessionStatus
from ironcurtain_tui.supervisor import activity
from ironcurtain_tui.supervisor.activity import Activity
from ironcurtain_tui.supervisor.bulletin import Bulletin
from tests.waiting import until

INFO = SessionInfo(
    id="0" * 12,
    agent="shell",
    agent_title="Shell",
    workspace="/w",
    rehearsal=True,
    network_mode="uds",
    started=0.0,
)


def flow(decision: Decision, state: FlowState) -> Flow:
    return Flow(
        id="f1", started=0.0, method="GET", host="e.example", port=443, path="/", decision=decision, state=state
    )


@pytest.mark.parametrize(
    "end",
    [
        flow(Decision.ALLOW, FlowState.DONE),
        flow(Decision.ALLOW, FlowState.ERROR),
        flow(Decision.DENY, FlowState.DONE),  # admitted, and then a later gate said no
    ],
    ids=["done", "broken off", "refused after all"],
)
async def test_a_request_keeps_the_agent_running_until_it_is_over(monkeypatch: pytest.MonkeyPatch, end: Flow) -> None:
    monkeypatch.setattr(activity, "IDLE_AFTER", 0.01)
    bulletin = Bulletin(INFO, lambda _: None)
    bulletin.status(SessionStatus.IDLE)
    watched = Activity(bulletin)
    watched.passed(flow(Decision.ALLOW, FlowState.OPEN))
    assert bulletin.keeper.status is SessionStatus.RUNNING
    watched.passed(end)
    await until(lambda: bulletin.keeper.status is SessionStatus.IDLE)


async def test_what_is_refused_or_held_is_nothing_under_way() -> None:
    bulletin = Bulletin(INFO, lambda _: None)
    bulletin.status(SessionStatus.IDLE)
    watched = Activity(bulletin)
    watched.passed(flow(Decision.ESCALATE, FlowState.OPEN))
    watched.passed(flow(Decision.DENY, FlowState.DONE))
    assert bulletin.keeper.status is SessionStatus.IDLE
