"""What the screens hear of the audit log: every record, in order, the last ones too, and when one could not be kept."""

from __future__ import annotations

import shutil
from pathlib import Path

from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.events import AuditLine, BadgeState, Decision, Flow, FlowState, Numbered, SessionInfo
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.chronicle import Chronicle
from tests.waiting import until
from tests.whole_log import as_line

MANY = 200
INFO = SessionInfo(
    id="0123456789ab",
    agent="shell",
    agent_title="Shell",
    workspace="/workspace",
    rehearsal=False,
    network_mode="uds",
    started=0.0,
)


def flow(number: int) -> Flow:
    return Flow(
        id=f"f{number}",
        started=0.0,
        method="GET",
        host="files.example.org",
        port=443,
        path=f"/{number}",
        decision=Decision.ALLOW,
        state=FlowState.DONE,
    )


async def opened(session: SessionPaths, told: list[Numbered]) -> tuple[Bulletin, Chronicle]:
    session.create()
    bulletin = Bulletin(INFO, told.append)
    chronicle = Chronicle(session, bulletin)
    await chronicle.open(Redactor())
    return bulletin, chronicle


async def test_every_record_is_told_in_order_and_the_last_ones_at_the_end(tmp_path: Path) -> None:
    session = SessionPaths.of(INFO.id, tmp_path)
    bulletin, chronicle = await opened(session, [])
    heard: list[AuditLine] = []
    chronicle.tell(heard.append)
    await chronicle.record("test", "the first one")
    await until(lambda: [line.summary for line in heard] == ["the first one"])
    for number in range(MANY):
        chronicle.outcome(flow(number))
    await chronicle.close()
    kept = [as_line(record) for record in last_records(session.audit_log, 2 * MANY)]
    assert heard == kept == list(bulletin.keeper.audit)
    ends = [line.summary for line in kept if line.kind == "request.end"]
    assert ends == [f"GET files.example.org/{number}" for number in range(MANY)]


async def test_an_outcome_that_cannot_be_kept_is_shown(tmp_path: Path) -> None:
    session = SessionPaths.of(INFO.id, tmp_path)
    bulletin, chronicle = await opened(session, [])
    shutil.rmtree(session.kept)
    chronicle.outcome(flow(1))
    await until(lambda: bulletin.keeper.badges["chain"].state is BadgeState.FAIL)
    assert any("somebody removed it" in notice.text for notice in bulletin.keeper.notices)
    await chronicle.close()
    chronicle.outcome(flow(2))  # nor does it raise once the log is closed
    assert sum("Nothing is let through" in notice.text for notice in bulletin.keeper.notices) == 2
