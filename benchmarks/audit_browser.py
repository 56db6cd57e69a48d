"""The audit browser over a million records: opening, scrolling, filtering, and whether the screen ever stands still."""

from __future__ import annotations

import asyncio
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.audit import RECORDS, write_logs
from benchmarks.table import Comparison, percentile
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex
from ironcurtain_tui.paths import private_directory
from ironcurtain_tui.ui.archive import ArchiveApp
from ironcurtain_tui.ui.screens.audit_browser import AuditBrowser

SIZE = (160, 50)
ROUNDS = 100
FILTERS = (
    "decision:deny host:evil",
    "module_4321",
    "messages",
    "kind:tool tool:write since:2026-06-01",
    "!decision:allow",
)
TICK = 0.005


def run() -> list[Comparison]:
    """In a directory of its own; BENCHMARK_RECORDS sets how many records there are."""
    with tempfile.TemporaryDirectory(prefix="ironcurtain-bench-") as room:
        directory = AuditDirectory(private_directory(Path(room)))
        write_logs(directory)
        with AuditIndex(directory) as index:
            index.refresh()
            index.optimise()
        return [asyncio.run(_browse(directory))]


async def _browse(directory: AuditDirectory) -> Comparison:
    table = Comparison(
        f"Audit browser, {RECORDS:,} records, milliseconds",
        ("p50", "p99", "largest"),
        (),
        f"{SIZE[0]}x{SIZE[1]}, without a terminal behind it. A filter: until its newest records are there, and until "
        "all that fit are known. Late: how much later than it should the screen's event loop came to its turn, "
        "while a process of its own verifies all logs.",
    )
    late: list[float] = []
    app = ArchiveApp(directory)
    began = time.perf_counter()
    async with app.run_test(size=SIZE) as pilot:
        while not isinstance(app.screen, AuditBrowser):
            await pilot.pause(0.001)
        browser = app.screen
        watch = asyncio.get_running_loop().create_task(_watch(late))
        try:
            await _until(lambda: browser._list.ids and _in_view(browser))
            _add(table, "open: the newest are there", [1e3 * (time.perf_counter() - began)])
            await _until(lambda: browser._found is not None)
            _add(table, "open: all are known", [1e3 * (time.perf_counter() - began)])
            await _until(lambda: not browser._searching)
            _add(table, "a page up", [await _timed(browser, lambda: browser._list.page(-1)) for _ in range(ROUNDS)])
            places = random.Random(1)  # noqa: S311 -- the same places every time
            jumps = [places.randrange(RECORDS) for _ in range(ROUNDS)]
            _add(table, "anywhere", [await _timed(browser, lambda to=to: browser._list._select(to)) for to in jumps])  # type: ignore[misc]
            browser.action_last()
            for words in FILTERS:
                await _filter(table, browser, words)
            await _until(lambda: len(browser._proofs) == len(directory.sessions()))
            _add(table, "all logs verified", [1e3 * (time.perf_counter() - began)])
        finally:
            watch.cancel()
        _add(table, "late", late)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    table.add("memory, mebibytes", {"largest": peak})
    return table


async def _filter(table: Comparison, browser: AuditBrowser, words: str) -> None:
    before = browser._found
    began = time.perf_counter()
    first = browser._list.ids
    browser._query.value = words
    await _until(lambda: browser._list.ids is not first and _in_view(browser))
    _add(table, f"{words}: newest", [1e3 * (time.perf_counter() - began)])
    await _until(lambda: browser._found is not before and not browser._searching)
    _add(table, f"{words}: all", [1e3 * (time.perf_counter() - began)])


async def _timed(browser: AuditBrowser, action: Callable[[], object]) -> float:
    """Milliseconds until every row in view after ``action`` is there."""
    began = time.perf_counter()
    action()
    await _until(lambda: _in_view(browser))
    return 1e3 * (time.perf_counter() - began)


def _in_view(browser: AuditBrowser) -> bool:
    records = browser._list
    top = records._first_row()
    return all(one in records._kept for one in records.ids[top : top + records._page_rows])


async def _until(holds: Callable[[], object]) -> None:
    while not holds():  # noqa: ASYNC110 -- nobody tells
        await asyncio.sleep(0.001)


async def _watch(late: list[float]) -> None:
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(1e3 * (time.perf_counter() - began - TICK))


def _add(table: Comparison, figure: str, times: list[float]) -> None:
    if len(times) == 1:
        table.add(figure, {"largest": times[0]})
    else:
        table.add(figure, {"p50": statistics.median(times), "p99": percentile(times, 99), "largest": max(times)})
