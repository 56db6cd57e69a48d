"""How long until a question, published by a supervisor, is on the person's screen, and until the next card is."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from textual import events

from benchmarks.table import Comparison, percentile
from ironcurtain_tui.events import EscalationChanged, EscalationState
from ironcurtain_tui.ui.screens.queue import QueueScreen
from tests.ui.scripted_session import Driven, ScriptedSession, driven, escalation, scripted

SIZE = (160, 50)
ROUNDS = 50
WAITING = 1_000
PATIENCE = 0.15
"""Seconds between two measurements: longer than the screen's own pace."""


def run() -> list[Comparison]:
    """With nothing else waiting, and with a thousand other questions."""
    return [asyncio.run(_measure())]


async def _measure() -> Comparison:
    columns = ("nothing else waits", f"{WAITING:,} others wait")
    table = Comparison(
        "Cards on the screen, milliseconds",
        columns,
        (),
        f"{SIZE[0]}x{SIZE[1]}, without a terminal behind it, over a real control socket; limit: 100 ms.",
    )
    figures = {columns[0]: await _figures(0), columns[1]: await _figures(WAITING)}
    for figure in figures[columns[1]]:
        table.add(figure, {column: values[figure] for column, values in figures.items() if figure in values})
    return table


async def _figures(others: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as room:
        async with scripted(Path(room) / "control.sock") as session:
            session.play()
            session.publish(*(EscalationChanged(escalation=escalation(10_000 + n)) for n in range(others)))
            async with driven(session, SIZE) as it:
                await asyncio.sleep(1)
                listed = [await _listed(it, session, n) for n in range(ROUNDS)]
                it.app.post_message(events.Key("f2", None))
                await _until(lambda: isinstance(it.app.screen, QueueScreen) and "page/" in it.text)
                turned = [await _turned(it) for _ in range(ROUNDS if others else 0)]
    figures = {
        "question published → in panel and header, median": statistics.median(listed),
        "the same, 95th percentile": percentile(listed, 95),
    }
    if turned:
        figures["key → next whole card, median"] = statistics.median(turned)
        figures["the same, 95th percentile "] = percentile(turned, 95)
    return figures


async def _listed(it: Driven, session: ScriptedSession, number: int) -> float:
    await asyncio.sleep(PATIENCE)
    if number:
        session.settle(f"e{number - 1}", EscalationState.EXPIRED)
        await asyncio.sleep(PATIENCE)
    wanted = f"({len(session.keeper.pending) + 1:,})"
    began = time.perf_counter()
    session.publish(EscalationChanged(escalation=escalation(number)))
    await _until(lambda: wanted in it.text)
    return (time.perf_counter() - began) * 1000


async def _turned(it: Driven) -> float:
    await asyncio.sleep(PATIENCE)
    before = it.text.splitlines()[1]
    began = time.perf_counter()
    it.app.post_message(events.Key("p", "p"))
    await _until(lambda: it.text.splitlines()[1] != before)
    return (time.perf_counter() - began) * 1000


async def _until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110 -- what is painted tells nobody
        await asyncio.sleep(0.001)
