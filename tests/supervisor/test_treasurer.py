"""Budgets and what acts unseen, on the real gatekeeper, queue, log and day book."""

from __future__ import annotations

import asyncio
import datetime
import itertools
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio

from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.config import ApprovalSettings, BudgetSettings
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Revoke, ScopeKind
from ironcurtain_tui.events import BadgeState, Decision, Flow, FlowState, ModelSpending, Usage
from ironcurtain_tui.policy.action import HttpRequest, Verdict
from ironcurtain_tui.policy.budget import MOST_MODELS
from ironcurtain_tui.supervisor.gatehouse import day_book
from ironcurtain_tui.supervisor.gatehouse.day_book import DayBook
from tests.small_disk import small_file_system
from tests.supervisor.gate_stage import GateStage, answer, gate_stage
from tests.waiting import PATIENCE, until

CALL = HttpRequest(host="api.anthropic.com", port=443, method="POST", path="/v1/messages", content_length=2)
LOOK = HttpRequest(host="api.anthropic.com", port=443, method="GET", path="/v1/models")


def over(tokens: int = 100, usd: float | None = 1.0, model: str = "claude-x") -> Flow:
    return Flow(
        id="f1",
        started=0.0,
        method="POST",
        host=CALL.host,
        port=443,
        path=CALL.path,
        decision=Decision.ALLOW,
        state=FlowState.DONE,
        status=200,
        usage=Usage(model=model, input_tokens=tokens),
        cost_usd=usd,
    )


@pytest.fixture(autouse=True)
def _one_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """No midnight comes in between."""
    monkeypatch.setattr(day_book, "_today", lambda: datetime.date(2026, 11, 20))


def start(work: Coroutine[object, object, Any]) -> asyncio.Task[Any]:
    return asyncio.get_running_loop().create_task(work)


async def admitted(stage: GateStage, action: HttpRequest = CALL) -> Verdict:
    async with asyncio.timeout(PATIENCE):
        return await stage.gate.admit(action)


@pytest_asyncio.fixture
async def budgeted(tmp_path: Path) -> AsyncIterator[GateStage]:
    async with gate_stage(tmp_path, budget=BudgetSettings(session_usd=5.0)) as made:
        yield made


@pytest_asyncio.fixture
async def person(budgeted: GateStage) -> AsyncIterator[ControlClient]:
    client = await ControlClient.connect(budgeted.socket)
    yield client
    await client.close()


async def test_a_budget_warns_then_waits_for_a_person_then_goes_on_with_as_much_again(
    budgeted: GateStage, person: ControlClient
) -> None:
    for _ in range(3):
        assert (await admitted(budgeted)).decision is Decision.ALLOW
        budgeted.treasurer.count(over())
    assert not budgeted.bulletin.keeper.notices
    budgeted.treasurer.count(over(usd=1.5))
    (notice,) = budgeted.bulletin.keeper.notices
    assert "$4.50 of $5.00 in this session" in notice.text
    assert budgeted.bulletin.keeper.badges["budget"].state is BadgeState.WARN
    assert (await admitted(budgeted)).decision is Decision.ALLOW
    budgeted.treasurer.count(over(usd=0.52))
    assert budgeted.bulletin.keeper.badges["budget"].state is BadgeState.FAIL

    waiting = start(budgeted.gate.admit(CALL))
    (question,) = await budgeted.raised()
    assert question.card.title == "budget used up: $5.02 of $5.00 in this session"
    assert any("another $5.00" in field.value for field in question.card.fields)
    assert any("claude-x" in field.value for field in question.card.fields)
    assert not waiting.done()
    person.send(answer(question))
    assert (await waiting).decision is Decision.ALLOW
    assert (await admitted(budgeted)).decision is Decision.ALLOW
    assert budgeted.bulletin.keeper.badges["budget"].text == "50% of budget"
    assert "escalation.decided" in budgeted.kinds()


async def test_a_denial_refuses_the_call_and_the_next_one_asks_again(
    budgeted: GateStage, person: ControlClient
) -> None:
    budgeted.treasurer.count(over(usd=6.0))
    for _ in range(2):
        waiting = start(budgeted.gate.admit(CALL))
        (question,) = await budgeted.raised()
        person.send(answer(question, approve=False, sentence="enough"))
        verdict = await waiting
        assert verdict.decision is Decision.DENY
        assert "used up" in verdict.reason
        assert "enough" in verdict.reason
        assert verdict.rule == "budget"
    assert last_records(budgeted.audit.path, 1)[0].decision is Decision.DENY


async def test_parallel_calls_ask_one_question(budgeted: GateStage, person: ControlClient) -> None:
    budgeted.treasurer.count(over(usd=6.0))
    calls = [start(budgeted.gate.admit(CALL)) for _ in range(5)]
    (question,) = await budgeted.raised()
    await asyncio.sleep(0.05)
    assert len(budgeted.pending) == 1
    person.send(answer(question))
    assert {(await call).decision for call in calls} == {Decision.ALLOW}


async def test_who_hangs_up_leaves_the_question_to_the_next(budgeted: GateStage, person: ControlClient) -> None:
    budgeted.treasurer.count(over(usd=6.0))
    first, second = (start(budgeted.gate.admit(CALL)) for _ in range(2))
    (question,) = await budgeted.raised()
    first.cancel()
    await until(lambda: bool(budgeted.pending) and budgeted.pending[0].id != question.id)
    (question,) = budgeted.pending
    person.send(answer(question))
    assert (await second).decision is Decision.ALLOW


async def test_what_costs_nothing_is_not_held(budgeted: GateStage) -> None:
    budgeted.treasurer.count(over(usd=6.0))
    assert (await admitted(budgeted, LOOK)).decision is Decision.ALLOW


async def test_nobody_there_means_no(tmp_path: Path) -> None:
    settings = ApprovalSettings(unattended="deny")
    async with gate_stage(tmp_path, settings=settings, budget=BudgetSettings(session_tokens=50)) as stage:
        stage.watched = False
        stage.treasurer.count(over(tokens=50))
        verdict = await admitted(stage)
        assert verdict.decision is Decision.DENY
        assert "50 of 50 tokens in this session" in verdict.reason
        assert verdict.retry


async def test_requests_count_while_they_are_under_way(tmp_path: Path) -> None:
    async with gate_stage(
        tmp_path, settings=ApprovalSettings(unattended="deny"), budget=BudgetSettings(session_requests=2)
    ) as stage:
        stage.watched = False
        decisions = [(await admitted(stage)).decision for _ in range(3)]
        assert decisions == [Decision.ALLOW, Decision.ALLOW, Decision.DENY]
        stage.treasurer.count(over())
        assert (await admitted(stage)).decision is Decision.DENY


async def test_requests_that_were_never_sent_use_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, budget = ApprovalSettings(unattended="deny"), BudgetSettings(session_requests=1)
    async with gate_stage(tmp_path, settings=settings, budget=budget) as stage:
        stage.watched = False
        assert (await admitted(stage)).decision is Decision.ALLOW
        stage.treasurer.release(msgspec.structs.replace(over(), decision=Decision.DENY))
        recorded, submit = asyncio.Event(), stage.audit.submit

        def submitted(*arguments: Any, **named: Any) -> Any:
            stored = submit(*arguments, **named)
            stored.set_running_or_notify_cancel = lambda: True  # it is being written, and cannot be taken back
            stored.cancel = lambda: False
            recorded.set()
            return stored

        with monkeypatch.context() as writing:
            writing.setattr(stage.audit, "submit", submitted)
            leaving = start(admitted(stage))
            await recorded.wait()
            leaving.cancel()
            await asyncio.gather(leaving, return_exceptions=True)
        await until(lambda: "request.end" in stage.kinds())
        assert (await admitted(stage)).decision is Decision.ALLOW
        assert (await admitted(stage)).decision is Decision.DENY


async def test_requests_that_cannot_be_recorded_use_nothing(tmp_path: Path) -> None:
    async with gate_stage(tmp_path, budget=BudgetSettings(session_requests=1)) as stage:
        stage.audit.path.unlink()
        for _ in range(2):
            assert (await admitted(stage)).rule == "audit-first"


async def test_a_day_is_counted_over_sessions_and_restarts(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    limits = BudgetSettings(day_usd=5.0)
    settings = ApprovalSettings(unattended="deny")
    async with gate_stage(tmp_path / "one", settings=settings, budget=limits) as stage:
        stage.treasurer.count(over(usd=3.0))
    book = tmp_path / "one" / "spending"
    (tmp_path / "two" / "spending").symlink_to(book)
    async with gate_stage(tmp_path / "two", settings=settings, budget=limits) as stage:
        stage.watched = False
        assert (await admitted(stage)).decision is Decision.ALLOW
        DayBook(book).add(ModelSpending(model="claude-y", requests=1, usd=2.5))  # another session, meanwhile
        assert "$5.50 of $5.00 today" in (await admitted(stage)).reason
        spending = stage.treasurer.spending
        assert [each.model for each in spending.today] == ["claude-x", "claude-y"]
        assert spending.session == ()


async def test_a_price_that_is_not_known_is_told(budgeted: GateStage) -> None:
    budgeted.treasurer.count(over(usd=None, model="claude-unknown"))
    budgeted.treasurer.count(over(usd=None, model="claude-unknown"))
    (notice,) = budgeted.bulletin.keeper.notices
    assert "claude-unknown" in notice.text


async def test_made_up_models_are_told_of_a_bounded_number_of_times(budgeted: GateStage) -> None:
    for number in range(3 * MOST_MODELS):
        budgeted.treasurer.count(over(usd=None, model=f"m{number}"))
    assert len(budgeted.treasurer._told) == MOST_MODELS + 1


async def test_a_book_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    (tmp_path / "spending").write_text("in the way")
    async with gate_stage(tmp_path, budget=BudgetSettings(day_requests=1)) as stage:
        stage.watched = False
        stage.treasurer.count(over())
        assert "cannot be kept" in stage.bulletin.keeper.notices[0].text
        assert stage.treasurer.spending.today == stage.treasurer.spending.session


def test_the_book_forgives_half_a_line_and_begins_anew_with_the_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = datetime.date(2026, 11, 21)
    monkeypatch.setattr(day_book, "_today", lambda: day)
    call = ModelSpending(model="a", requests=1, tokens=5)
    DayBook(tmp_path).add(call)
    path = tmp_path / "2026-11-21.jsonl"
    assert path.stat().st_mode & 0o777 == 0o600
    book = DayBook(tmp_path)
    assert book.today() == (call,)
    with path.open("ab") as half:
        half.write(b'{"model":"a"')
    assert book.today() == (call,)
    DayBook(tmp_path).add(call)
    assert sum(each.requests for each in book.today()) == 2
    with path.open("ab") as rest:
        rest.write(b'\xff\n[]\n{"model":"a","requests":-0.5}\n' + msgspec.json.encode(call) + b"\n")
    assert sum(each.requests for each in book.today()) == 3
    day = datetime.date(2026, 11, 22)
    assert book.today() == ()
    assert DayBook(tmp_path / "none").today() == ()
    day = datetime.date(2026, 12, 23)
    assert book.today() == ()
    assert not path.exists()


def test_a_call_that_is_written_down_by_half_is_told(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "disk", "16k") as disk:
        book, written = DayBook(disk), itertools.count()
        call = ModelSpending(model="a-model-with-a-long-name", requests=1)
        with pytest.raises(OSError, match="No space left"):
            all(book.add(call) is None for _ in written)
        assert sum(each.requests for each in book.today()) == next(written) - 1


async def test_what_acts_unseen_is_asked_about_once_and_can_be_taken_back(
    budgeted: GateStage, person: ControlClient
) -> None:
    stage = budgeted
    asked = start(stage.gate.may_act_unseen(CALL, "Anthropic", "tool web_search_20250305"))
    (question,) = await stage.raised()
    assert question.card.kind == "unseen"
    assert question.card.risky
    person.send(answer(question, scope=ScopeKind.SESSION))  # has no effect: no rule is about what a provider is asked
    person.send(answer(question))
    assert await asked
    assert await stage.gate.may_act_unseen(CALL, "Anthropic", "tool web_search_20250305")
    (grant,) = stage.bulletin.keeper.grants
    assert "web_search" in grant.covers
    person.send(Revoke(grant=grant.id))
    await until(lambda: stage.hosts.ended == [CALL.host])

    again = start(stage.gate.may_act_unseen(CALL, "Anthropic", "tool web_search_20250305"))
    (question,) = await stage.raised()
    person.send(answer(question, approve=False))
    assert not await again
    assert not await stage.gate.may_act_unseen(CALL, "Anthropic", "tool web_search_20250305")
    assert stage.pending == []


async def test_what_acts_unseen_does_not_when_nobody_is_there(budgeted: GateStage) -> None:
    budgeted.watched = False
    assert not await budgeted.gate.may_act_unseen(CALL, "Anthropic", "field mcp_servers")
    assert budgeted.pending == []
