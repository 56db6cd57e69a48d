"""Thousands of events a second cost few repaints, little memory and no responsiveness."""

from __future__ import annotations

import time

import pytest

from ironcurtain_tui.control.messages import Key
from ironcurtain_tui.events import AuditAppended, AuditLine, FlowChanged
from ironcurtain_tui.ui.widgets.audit import AuditPanel
from ironcurtain_tui.ui.widgets.header import SessionHeader
from ironcurtain_tui.ui.widgets.traffic import TrafficPanel

from .scripted_session import NOON, ScriptedSession, driven, flow


async def test_a_flood_is_painted_at_most_ten_times_a_second(
    session: ScriptedSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.play()
    paints = {TrafficPanel: 0, AuditPanel: 0, SessionHeader: 0}
    for panel in paints:
        original = panel.update

        def counted(self: object, *arguments: object, panel: type = panel, original: object = original) -> None:
            paints[panel] += 1
            original(self, *arguments)  # type: ignore[operator]

        monkeypatch.setattr(panel, "update", counted)
    async with driven(session) as it:
        began = time.monotonic()
        for batch in range(30):
            for number in range(100):
                at = batch * 100 + number
                session.publish(
                    FlowChanged(flow=flow(100 + at % 1500, bytes_down=at)),
                    AuditAppended(line=AuditLine(seq=10 + at, time=NOON, kind="http", summary=f"record {at}")),
                )
            await it.pilot.pause(0.02)
        await it.press("a")
        await it.until(lambda: any(isinstance(message, Key) for message in session.received))
        await it.until(lambda: "record 2999" in it.text)
        seconds = time.monotonic() - began
        for panel, painted in paints.items():
            assert painted <= seconds * 10 + 8, panel
