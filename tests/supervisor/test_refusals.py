"""What an agent that is refused all the time can write into the audit log."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest

from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.config import AuditSettings
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, ToolCall, Tunnel
from ironcurtain_tui.proxy.refusal import Refusal
from ironcurtain_tui.supervisor.gatehouse.gatekeeper import FLOODED
from ironcurtain_tui.supervisor.gatehouse.refusals import BURST, MOST_KINDS, RATE, Refusals
from ironcurtain_tui.tasks import TaskOwner
from tests.supervisor.gate_stage import GateStage, answer, fetch, gate_stage
from tests.waiting import PATIENCE, until


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def forbidden(number: int = 0) -> ToolCall:
    return ToolCall(server="unknown", tool=f"tool{number}", arguments={})


def stop_the_clock(stage: GateStage) -> None:
    """No time passes for the refusals, however slow the machine."""
    clock = Clock()
    stage.gate._refusals._clock = clock
    stage.gate._refusals._then = clock()


def records(stage: GateStage, kind: str) -> list[dict[str, object]]:
    return [record.data for record in AuditReader(stage.audit.path).poll() if record.kind == kind]


async def test_a_flood_of_refusals_is_summed_up_and_no_effect_goes_unrecorded(tmp_path: Path) -> None:
    allowed = ToolCall(server="ironcurtain", tool="where_am_i", arguments={})
    async with gate_stage(tmp_path) as stage:
        stop_the_clock(stage)
        verdicts = [await stage.gate.admit(forbidden(number % 30)) for number in range(3 * BURST)]
        assert all(verdict.decision is Decision.DENY for verdict in verdicts)
        flooded = sum(verdict is FLOODED for verdict in verdicts)
        assert flooded == 2 * BURST
        assert (await stage.gate.admit(allowed)).decision is Decision.ALLOW
        question = await stage.gate.admit(fetch())
        assert question is FLOODED
        assert stage.pending == []
        await stage.gatehouse.close()
        tools = records(stage, "tool")
        assert len(tools) == 3 * BURST - flooded + 1
        (summary,) = records(stage, "refusals")
        assert summary["count"] == flooded + 1
        assert isinstance(summary["what"], dict)
        assert sum(summary["what"].values()) == flooded + 1
        assert len(summary["what"]) == MOST_KINDS + 1


async def test_the_agent_hears_429(tmp_path: Path) -> None:
    async with gate_stage(tmp_path) as stage:
        stop_the_clock(stage)
        for _ in range(BURST):
            stage.gate._refusals.may_be_recorded("x")
        verdict = await stage.gate.admit(Tunnel(host="10.0.0.1", port=443))
        refusal = Refusal.of(verdict)
        assert (refusal.status, refusal.retry, refusal.recorded) == (429, True, True)
        request = HttpRequest(host="x.example.org", port=443, method="GET", path="/")
        assert await stage.gate.admit(request) is FLOODED


async def test_questions_for_room_or_consent_that_are_taken_back_count_too(tmp_path: Path) -> None:
    audit = AuditSettings(max_size="64KiB", keep_free="0KiB")
    call = HttpRequest(host="api.anthropic.com", port=443, method="POST", path="/v1/messages", content_length=2)
    tasks = TaskOwner()
    async with gate_stage(tmp_path, audit=audit) as stage:
        stop_the_clock(stage)
        while stage.audit.size < 64 << 10:
            await stage.gate.admit(ToolCall(server="ironcurtain", tool="where_am_i", arguments={}))
        for number in range(BURST // 2):
            ask = partial(stage.gate.may_act_unseen, call, "A", f"field {number}")
            asking = tasks.start(ask() if number % 2 else stage.gate.admit(fetch()), "asking")
            await stage.raised()
            asking.cancel()
            await asyncio.wait({asking})
        verdict = await asyncio.wait_for(stage.gate.admit(fetch()), PATIENCE)
        assert (verdict.decision, verdict.retry) == (Decision.DENY, True)
        assert "slow down" in verdict.reason
        assert not await asyncio.wait_for(stage.gate.may_act_unseen(call, "A", "field a"), PATIENCE)
        assert stage.pending == []
        stage.gate._refusals._tokens = 1.0
        consent = tasks.start(stage.gate.may_act_unseen(call, "A", "field a"), "asking")
        (question,) = await stage.raised()
        assert await stage.gatehouse._desk.decide(answer(question)) is None
        assert await consent, "that nobody was asked was no answer"


async def test_questions_that_are_taken_back_count(tmp_path: Path) -> None:
    tasks = TaskOwner()
    async with gate_stage(tmp_path) as stage:
        stop_the_clock(stage)
        for number in range(BURST):
            asking = tasks.start(stage.gate.admit(fetch(str(number))), "asking")
            await until(lambda asking=asking: asking.done() or stage.pending)
            if asking.done():
                assert asking.result() is FLOODED
                break
            asking.cancel()
            await asyncio.wait({asking})
        else:
            pytest.fail("they never count")
        await stage.gatehouse.close()
        assert len(records(stage, "escalation.raised")) < 0.7 * BURST


async def test_tokens_come_back_with_time_and_summaries_come_now_and_then(tmp_path: Path) -> None:
    clock = Clock()
    with AuditLog.open(tmp_path / "audit.jsonl", "0" * 12) as audit:
        refusals = Refusals(audit, print, clock=clock, seconds=0.01)
        assert sum(refusals.may_be_recorded("x") for _ in range(BURST + 10)) == BURST
        clock.now += 2
        assert sum(refusals.may_be_recorded("x") for _ in range(100)) == 2 * RATE
        await until(lambda: any(record.kind == "refusals" for record in AuditReader(audit.path).poll()))
        clock.now += 10_000
        assert sum(refusals.may_be_recorded("x") for _ in range(BURST + 10)) == BURST
        await refusals.close()
        await refusals.close()
        assert sum(record.kind == "refusals" for record in AuditReader(audit.path).poll()) == 2
