"""What was taken out of a model call can be seen."""

from __future__ import annotations

from ironcurtain_tui.events import FlowChanged
from ironcurtain_tui.ui.screens.details import flow_fields

from .scripted_session import ScriptedSession, driven, flow

ALTERED = ("took out tool web_search_20250305", "asked for the usage")


def test_the_details_say_what() -> None:
    assert ("Changed by us", "; ".join(ALTERED)) in flow_fields(flow(1, altered=ALTERED))
    assert not any(name == "Changed by us" for name, _ in flow_fields(flow(1)))


async def test_the_traffic_panel_counts_them_but_not_what_nobody_could_mind(session: ScriptedSession) -> None:
    session.play()
    session.publish(
        FlowChanged(flow=flow(21, altered=ALTERED)), FlowChanged(flow=flow(22, altered=("asked for the usage",)))
    )
    async with driven(session) as it:
        await it.until(lambda: "~ 1 changed" in it.text)
