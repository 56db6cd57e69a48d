"""What an agent that is allowed all it asks can write into the audit log, and what a disk that fills up does."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.reader import last_records
from ironcurtain_tui.config import ApprovalSettings, AuditSettings
from ironcurtain_tui.events import BadgeState, Decision
from ironcurtain_tui.policy.action import HttpRequest, Verdict
from ironcurtain_tui.supervisor.gatehouse.refusals import BURST
from ironcurtain_tui.tasks import TaskOwner
from tests.small_disk import small_file_system
from tests.supervisor.gate_stage import GateStage, answer, gate_stage
from tests.waiting import until
from tests.whole_log import verify_file

ALLOWED = '[[rule]]\nname = "files"\non = "request"\nhost = "files.example.org"\nthen = "allow"\n'
LOG = 256 << 10
SMALL = AuditSettings(max_size="256KiB", keep_free="0KiB")
NOBODY = ApprovalSettings(unattended="deny")
RECORD = 1024
"""Bytes that a record of these tests has at most."""


def get(number: int = 0) -> HttpRequest:
    path = f"/{number}"
    return HttpRequest(host="files.example.org", port=443, method="GET", path=path, content_length=0)


async def flood(stage: GateStage, count: int) -> list[Verdict]:
    """So many requests, each with its outcome, as a door has them."""
    verdicts = []
    for number in range(count):
        verdicts.append(await stage.gate.admit(get(number)))
        if verdicts[-1].decision is Decision.ALLOW:
            stage.gate.looked_up(get(number), "")
    return verdicts


def notices(stage: GateStage) -> list[str]:
    return [f"{each.text} {each.remedy}" for each in stage.bulletin.keeper.snapshot().notices]


def badge(stage: GateStage, name: str) -> BadgeState:
    return next(each.state for each in stage.bulletin.keeper.snapshot().badges if each.name == name)


async def test_a_flood_of_allowed_requests_fills_the_log_and_no_more(tmp_path: Path) -> None:
    async with gate_stage(tmp_path, policy=ALLOWED, audit=SMALL, settings=NOBODY) as stage:
        stage.watched = False
        verdicts = await flood(stage, 1500)
        await stage.gatehouse.close()
        allowed = [each for each in verdicts if each.decision is Decision.ALLOW]
        assert verdicts == [*allowed, *verdicts[len(allowed) :]]
        assert 100 < len(allowed) < 1000
        last = verdicts[-1]
        assert (last.decision, last.rule, last.retry) == (Decision.DENY, "log-size", True)
        assert " KiB of 256 KiB, and nobody is there" in last.reason
        records = last_records(stage.audit.path, 10_000)
        kinds = [each.kind for each in records]
        assert kinds.count("request") == kinds.count("request.end") == len(allowed), "no effect without its records"
        summed = [each.data["count"] for each in records if each.kind == "refusals"]
        assert sum(int(str(each)) for each in summed) == len(verdicts) - len(allowed)
        # a summary every ten seconds that the flood takes here
        size = stage.audit.size
        assert LOG <= size == stage.audit.path.stat().st_size < LOG + (3 + len(summed)) * RECORD
        assert [each for each in notices(stage) if "nearly full: 20" in each and "max_size" in each]
        assert badge(stage, "log") is BadgeState.WARN
    assert verify_file(stage.audit.path, "0" * 12).ok


async def test_a_person_lets_it_grow_or_not(tmp_path: Path) -> None:
    async with gate_stage(tmp_path, policy=ALLOWED, audit=SMALL) as stage, AsyncExitStack() as stack:
        tasks = TaskOwner()
        stack.push_async_callback(tasks.close)
        while stage.audit.size < LOG:
            assert (await stage.gate.admit(get())).decision is Decision.ALLOW
        waiting = [tasks.start(stage.gate.admit(get(number)), "request") for number in range(20)]
        (escalation,) = await stage.raised()
        assert (escalation.card.kind, escalation.card.rule) == ("log", "log-size")
        assert "256 KiB" in escalation.card.title
        assert await stage.gatehouse._desk.decide(answer(escalation, approve=False, sentence="enough")) is None
        await until(lambda: sum(each.done() for each in waiting) == 1)
        (denied,) = [each.result() for each in waiting if each.done()]
        assert "the person denied it and says: enough" in denied.reason
        await until(lambda: [each for each in stage.pending if each.id != escalation.id])
        (again,) = stage.pending
        assert await stage.gatehouse._desk.decide(answer(again)) is None
        verdicts = await asyncio.gather(*waiting)
        assert sum(each.decision is Decision.ALLOW for each in verdicts) == 19
        assert stage.pending == []
        assert badge(stage, "log") is BadgeState.OK
        while stage.audit.size < 2 * LOG:
            assert (await stage.gate.admit(get())).decision is Decision.ALLOW
        tasks.start(stage.gate.admit(get()), "request")
        (escalation,) = await stage.raised()
        assert "512 KiB" in escalation.card.title


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    with small_file_system(tmp_path / "disk", "4m") as disk:
        yield disk


def fill(disk: Path, leave: int) -> None:
    """Take all of the disk but ``leave`` bytes."""
    status = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(status.f_bavail * status.f_frsize - leave))


async def test_a_disk_that_fills_up_stops_what_is_new_and_the_log_is_signed_to_its_end(small_disk: Path) -> None:
    settings = AuditSettings(keep_free="256KiB")
    notary = await asyncio.to_thread(AuditDirectory(small_disk).notary)
    async with gate_stage(small_disk, policy=ALLOWED, audit=settings, notary=notary) as stage:
        assert (await stage.gate.admit(get())).decision is Decision.ALLOW
        await asyncio.to_thread(fill, small_disk, 768 << 10)
        assert (await stage.gate.admit(get())).decision is Decision.ALLOW
        assert badge(stage, "disk") is BadgeState.WARN
        verdicts = await flood(stage, 3000)
        allowed = sum(each.decision is Decision.ALLOW for each in verdicts)
        assert 100 < allowed < 3000
        last = verdicts[-1]
        assert (last.decision, last.rule, last.retry) == (Decision.DENY, "disk", True)
        assert "nearly full" in last.reason
        assert stage.audit_failures == [], "not one record was lost"
        assert badge(stage, "disk") is BadgeState.FAIL
        assert any("nothing new is let through" in each and "Free space" in each for each in notices(stage))
        before = stage.audit.size
        await flood(stage, 3 * BURST)
        assert stage.audit.size - before < 2 * RECORD, "refusals are summed up there"
        status = os.statvfs(small_disk)
        assert status.f_bavail * status.f_frsize > 200 << 10
        (small_disk / "filler").unlink()
        assert (await stage.gate.admit(get())).decision is Decision.ALLOW
        assert badge(stage, "disk") is BadgeState.OK
        await asyncio.to_thread(fill, small_disk, 200 << 10)
        assert (await stage.gate.admit(get())).rule == "disk"
    records = last_records(stage.audit.path, 10_000)
    assert records[-1].kind == "audit.checkpoint", "the end is signed"
    assert verify_file(stage.audit.path, "0" * 12).ok
    assert '"ended"' in (small_disk / "audit" / "ledger.jsonl").read_text()


async def test_what_was_decided_before_a_person_was_asked_for_room_is_decided_anew(tmp_path: Path) -> None:
    async with gate_stage(tmp_path, policy=ALLOWED, audit=SMALL) as stage:
        tasks = TaskOwner()
        while stage.audit.size < LOG:
            await stage.gate.admit(get())
        waiting = tasks.start(stage.gate.admit(get()), "request")
        (escalation,) = await stage.raised()
        stage.user_file.write_text(ALLOWED.replace('"allow"', '"deny"'))
        stage.policy.reload()
        assert await stage.gatehouse._desk.decide(answer(escalation)) is None
        assert (await waiting).decision is Decision.DENY
