"""Lists keep the reader's place, whatever comes and goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironcurtain_tui.control.state import FLOWS_KEPT
from ironcurtain_tui.events import FlowChanged
from ironcurtain_tui.ui.widgets.audit import AuditList
from ironcurtain_tui.ui.widgets.record_list import Column, fit_columns
from ironcurtain_tui.ui.widgets.traffic import TrafficList, _request

from .scripted_session import FLOWS, ScriptedSession, driven, flow, refused


@pytest.mark.parametrize("columns", [TrafficList.COLUMNS, AuditList.COLUMNS])
@given(width=st.integers(20, 300))
def test_columns_fit_and_the_flexible_one_takes_the_rest(columns: tuple[Column, ...], width: int) -> None:
    kept = fit_columns(columns, width, 20)
    assert sum(cells for _, cells in kept) + len(kept) - 1 == max(
        width, 1 + sum(columns[index].width for index, _ in kept) + len(kept) - 1
    )
    assert {index for index, column in enumerate(columns) if not column.rank} <= {index for index, _ in kept}


def test_wide_lists_show_every_column() -> None:
    assert len(fit_columns(TrafficList.COLUMNS, 110, TrafficList.FLEXIBLE)) == len(TrafficList.COLUMNS)


@pytest.mark.parametrize(
    ("cells", "shown"),
    [
        (80, "POST api.anthropic.com/v1/messages"),
        (27, "POST …ropic.com/v1/messages"),
        (20, "POST …ropic.com/v1/…"),
    ],
)
def test_a_request_loses_the_start_of_its_host_first(cells: int, shown: str) -> None:
    assert _request(FLOWS[1], cells) == shown


def test_the_owner_of_a_long_host_stays_visible() -> None:
    long = refused(1, "api.anthropic.com.evil.example")
    assert _request(long, 27).endswith("evil.example")
    assert _request(flow(1, port=8443), 80) == "POST api.anthropic.com:8443/v1/messages"


async def test_a_reader_whose_record_left_the_ring_gets_the_oldest_that_is_left(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        records = it.app.screen.query_one(TrafficList)
        await it.until(lambda: len(records._records) == len(FLOWS))
        await it.press("f3", "g")
        assert records.selected == FLOWS[0]
        for start in range(0, FLOWS_KEPT, 500):
            session.publish(*(FlowChanged(flow=flow(100 + n, path=f"/p{n}")) for n in range(start, start + 500)))
            await it.until(lambda last=100 + start + 499: f"f{last}" in records._keys)
        assert len(records._records) == FLOWS_KEPT
        assert records.selected is not None
        assert records.selected.path == "/p0"
        assert not records.following


async def test_an_update_of_a_record_changes_it_in_place(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        records = it.app.screen.query_one(TrafficList)
        await it.press("f3", "g")
        session.publish(FlowChanged(flow=flow(1, path="/changed")))
        await it.until(lambda: "/changed" in it.text)
        assert records._keys == [each.id for each in FLOWS]
        assert records.unseen == 0
