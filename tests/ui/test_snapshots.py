"""The whole screen as pictures. Look at a new one before accepting it: ``pytest tests/ui --snapshot-update``."""

from __future__ import annotations

from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.events import BadgeState, EscalationChanged, GrantsChanged, StepChanged

from .conftest import drawn
from .scripted_session import GRANTS, UNREADABLE, ScriptedSession, driven, escalation, push, scripted


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_at_work(session: ScriptedSession, picture: SnapshotAssertion, size: tuple[int, int]) -> None:
    session.play()
    async with driven(session, size) as it:
        await it.until(lambda: "23k tok" in it.text or size[0] < 100)
        await it.until(lambda: "The fixture forgets" in it.text)
        assert drawn(it) == picture


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_card(session: ScriptedSession, picture: SnapshotAssertion, size: tuple[int, int]) -> None:
    session.play()
    session.publish(*(EscalationChanged(escalation=each) for each in (push(1), escalation(2), escalation(3))))
    async with driven(session, size) as it:
        await it.until(lambda: "waiting (3)" in it.text)
        await it.press("f2")
        await it.settled()
        assert drawn(it) == picture


@pytest.mark.parametrize(
    "keys",
    [["a"], ["e", *"no"], ["n"], ["n", "w"], ["v", "asterisk"], ["ctrl+a", "g"], ["ctrl+a", "space"]],
    ids=["confirm", "sentence", "calm", "always", "several", "grants", "paused"],
)
async def test_before_a_card(session: ScriptedSession, picture: SnapshotAssertion, keys: list[str]) -> None:
    session.play()
    session.publish(
        *(EscalationChanged(escalation=each) for each in (push(1), escalation(2, fields=(UNREADABLE,)))),
        GrantsChanged(grants=GRANTS),
    )
    async with driven(session) as it:
        await it.until(lambda: "waiting (2)" in it.text)
        await it.press("f2")
        for key in keys:
            await it.settled()
            await it.press(key)
        await it.settled()
        assert drawn(it) == picture


@pytest.mark.parametrize(
    "keys",
    [["f3"], ["f3", "k", "enter"], ["ctrl+a"], ["ctrl+a", "x"], ["f1"]],
    ids=["traffic", "details", "prefix", "stop", "help"],
)
async def test_after_keys(session: ScriptedSession, picture: SnapshotAssertion, keys: list[str]) -> None:
    session.play()
    async with driven(session) as it:
        await it.until(lambda: "The fixture forgets" in it.text)
        await it.press(*keys)
        await it.caught_up()
        assert drawn(it) == picture


async def test_rehearsal_starting(tmp_path: Path, picture: SnapshotAssertion) -> None:
    async with scripted(tmp_path / "control.sock", rehearsal=True) as session:
        session.publish(
            StepChanged(step="engine", state=BadgeState.OK, ms=12.0, detail="Docker 20.10"),
            StepChanged(step="image", state=BadgeState.OK, ms=3100.0),
            StepChanged(step="container", state=BadgeState.PENDING, detail="creating"),
        )
        async with driven(session, (100, 30)) as it:
            await it.until(lambda: "container" in it.text)
            assert drawn(it) == picture


async def test_supervisor_gone(session: ScriptedSession, picture: SnapshotAssertion) -> None:
    session.play()
    async with driven(session) as it:
        await it.until(lambda: "The fixture forgets" in it.text)
        await session.vanish()
        await it.until(lambda: "fail closed" in it.text)
        assert drawn(it) == picture
