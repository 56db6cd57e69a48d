"""The full-screen view of the audit: what is listed, what is proven, and that nothing moves under the reader."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex, Query, time_of
from ironcurtain_tui.events import Decision
from ironcurtain_tui.ui.audit_search import AuditSearch
from ironcurtain_tui.ui.widgets.hit_list import KEPT

from .audit_stage import FIRST, SECOND, append, browsing, entry, installation, request, tool, two_sessions, write
from .conftest import drawn
from .scripted_session import NOON
from .test_hostile import HOSTILE, assert_harmless


@pytest.fixture
def logs(tmp_path: Path) -> AuditDirectory:
    return two_sessions(tmp_path)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(logs: AuditDirectory, picture: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with browsing(logs, size) as it:
        await it.settled()
        await it.press("k")
        await it.settled()
        assert drawn(it) == picture


async def test_picture_of_a_broken_chain(logs: AuditDirectory, picture: SnapshotAssertion) -> None:
    path = logs.log(FIRST)
    path.write_bytes(path.read_bytes().replace(b"pkg.test", b"evil.org", 1))
    async with browsing(logs) as it:
        await it.settled()
        await it.until(lambda: "CHAIN BROKEN" in it.text)
        assert "record #5" in it.text
        assert drawn(it) == picture


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("", 46),
        ("decision:deny", 10),
        ("decision:deny host:telemetry", 10),
        ("host:pkg host:github", 18),
        ("kind:session", 3),
        ("tool:push", 1),
        ("server:filesystem", 1),
        (f"session:{SECOND[:4]}", 7),
        ("since:10m !decision:allow", 5),
        ('"test_login.py"', 1),
        ("not on the list", 10),
        ("until:11:00 kind:request", 36),
        ("kind:nothing", 0),
    ],
)
async def test_filters(logs: AuditDirectory, text: str, records: int) -> None:
    with AuditIndex(logs) as index:
        index.refresh()
    search = AuditSearch(logs)
    try:
        found = await search.find(text, NOON)
        assert len(found.ids) == records
        assert sum(found.decisions.values()) == records
        assert sum(map(sum, found.series.values())) == records
    finally:
        search.close()


async def test_a_filter_typed_and_cleared(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        await it.press("slash", *"decision:den")
        await it.until(lambda: "den is no decision" in it.text)
        await it.press("y")
        await it.until(lambda: " 10 records" in it.text)
        await it.press("escape")
        await it.until(lambda: " 46 records" in it.text)


async def test_one_session_by_key_and_all_again(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        await it.press("s")
        await it.until(lambda: " 7 records" in it.text)
        await it.press("s")
        await it.until(lambda: " 46 records" in it.text)


async def test_the_tail_follows_and_does_not_move_what_is_read(tmp_path: Path) -> None:
    logs = installation(tmp_path)
    head = write(logs, FIRST, [request(-100 + n, f"host{n}.org", Decision.ALLOW) for n in range(60)], -30)
    async with browsing(logs, (120, 20)) as it:
        await it.settled()
        head = append(logs, FIRST, [entry(-20, "agent.start", "newest of all")], head)
        await it.until(lambda: "newest of all" in it.text)
        await it.press("g")
        await it.settled()
        before = [line[:66] for line in it.text.splitlines()[3:-1]]
        append(logs, FIRST, [entry(-10 + n, "agent.start", f"later {n}") for n in range(5)], head)
        await it.until(lambda: "5 newer" in it.text)
        assert [line[:66] for line in it.text.splitlines()[3:-1]] == before
        await it.press("G")
        await it.until(lambda: "later 4" in it.text and "newer" not in it.text)


async def test_the_badge_turns_red_when_the_chain_breaks_while_it_is_open(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        await it.until(lambda: "✓ verified to #7, 0 s ago" in it.text)
        path = logs.log(SECOND)
        path.write_bytes(path.read_bytes().replace(b"git_push", b"git_pull"))
        await it.until(lambda: f"CHAIN BROKEN {SECOND} record #4" in it.text)
        await it.until(lambda: "changed here since it was indexed" in it.text or "NOT proven" in it.text)


async def test_a_log_that_is_deleted_is_missed(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        logs.log(FIRST).unlink()
        await it.until(lambda: f"LOG MISSING {FIRST}" in it.text)
        await it.until(lambda: " 7 records" in it.text)


async def test_details_show_the_whole_record_and_its_proof(logs: AuditDirectory) -> None:
    async with browsing(logs, (200, 60), text="decision:deny") as it:
        await it.settled()
        for part in ("#6 of session fedcba987654", "not on the list of hosts", "Previous", "Hash"):
            assert part in it.text
        assert "#7, 30.0 s later, signs all up to #6" in it.text
        await it.until(lambda: "chained, signed, and the ledger outside agrees" in it.text)


async def test_mouse_selects_and_scrolls(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        await it.pilot.click("HitList", offset=(5, 3))
        await it.until(lambda: "reading" in it.text)
        selected = it.browser._list.selected
        assert selected is not None
        await it.until(lambda: f"#{selected.record.seq:,} of session" in it.text if selected.record else False)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
@pytest.mark.parametrize("keys", [(), ("d",), ("slash", *"[red]"), ("f1",)], ids=str)
async def test_nothing_breaks_out(tmp_path: Path, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    logs = installation(tmp_path)
    write(
        logs,
        FIRST,
        [
            entry(-20, HOSTILE, HOSTILE, text=HOSTILE),
            request(-10, HOSTILE, Decision.DENY, HOSTILE, HOSTILE),
            tool(-5, HOSTILE, HOSTILE, Decision.ESCALATE, **{HOSTILE: HOSTILE, "long": "x" * 100_000}),
        ],
        -1,
    )
    async with browsing(logs, size) as it:
        await it.settled()
        await it.press("k", *keys)
        await it.caught_up()
        assert_harmless(it)


async def test_nothing_is_left_running(logs: AuditDirectory) -> None:
    async with browsing(logs) as it:
        await it.settled()
        tasks = [task for task in asyncio.all_tasks() if task.get_name() == "audit follower"]
        assert len(tasks) == 1
        await it.press("q")
        await it.until(lambda: tasks[0].done())


async def test_an_installation_without_sessions_says_so(tmp_path: Path) -> None:
    async with browsing(AuditDirectory(tmp_path)) as it:
        await it.until(lambda: "No record fits" in it.text and "0 records" in it.text)


def test_ids_tell_the_time(logs: AuditDirectory) -> None:
    with AuditIndex(logs) as index:
        index.refresh()
        ids = index.ids(Query())
        times = [time_of(one) for one in ids]
    assert times == sorted(times)
    assert times[-1] == NOON - 70


async def test_every_place_of_a_long_log_is_read_when_it_is_looked_at(tmp_path: Path) -> None:
    logs = installation(tmp_path)
    append(logs, FIRST, [entry(-20_000 + n, "agent.start", f"number {n}") for n in range(12_000)])
    async with browsing(logs, (100, 24)) as it:
        await it.until(lambda: "number 11999" in it.text)
        for row in (11_000, 500, 6_000, 0, 9_500, 480, 11_998, 6_100, 3_000, 5_900):  # further than what is kept
            it.browser._list._select(row)
            await it.until(lambda row=row: f"number {row} " in it.text and "…" not in "".join(it.text.splitlines()[3:]))
        assert len(it.browser._list._kept) <= KEPT
