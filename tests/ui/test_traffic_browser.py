"""The full-screen view of the traffic."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.events import FlowChanged
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser

from .conftest import drawn
from .scripted_session import SESSION_ID, ScriptedSession, driven, flow
from .test_hostile import HOSTILE, assert_harmless, publish_everywhere

OPEN = ("ctrl+a", "f")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(session: ScriptedSession, picture: SnapshotAssertion, size: tuple[int, int]) -> None:
    session.play()
    async with driven(session, size) as it:
        await it.press(*OPEN)
        await it.until(lambda: "9 flows" in it.text)
        await it.press("k")
        await it.until(lambda: "reading" in it.text)
        assert drawn(it) == picture


@pytest.mark.parametrize("keys", [("slash", *"refused"), ("d",), ("f1",)], ids=["filter", "details", "help"])
async def test_picture_after_keys(session: ScriptedSession, picture: SnapshotAssertion, keys: tuple[str, ...]) -> None:
    session.play()
    async with driven(session, (90, 30)) as it:
        await it.press(*OPEN, *keys)
        await it.until(lambda: ("2 of 9 flows" in it.text) == (keys[0] == "slash"))
        await it.pilot.pause(0.1)
        assert drawn(it) == picture


async def test_the_panels_key_opens_it_and_escape_goes_step_by_step_back(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press("f3", "o")
        await it.until(lambda: isinstance(it.app.screen, TrafficBrowser))
        await it.press("slash", *"host:telemetry")
        await it.until(lambda: "1 of 9 flows" in it.text)
        await it.press("escape")
        await it.until(lambda: " 9 flows" in it.text)
        await it.press("escape", "escape")
        await it.until(lambda: not isinstance(it.app.screen, TrafficBrowser))


async def test_a_filter_that_means_nothing_is_named_and_changes_nothing(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press(*OPEN, "slash", *"status:ok")
        await it.until(lambda: "ok is no status" in it.text)
        assert "9 flows" in it.text


async def test_new_flows_do_not_move_what_is_read(session: ScriptedSession) -> None:
    session.play()
    async with driven(session, (120, 20)) as it:
        session.publish(*(FlowChanged(flow=flow(20 + number, total_ms=9000.0)) for number in range(20)))
        await it.press(*OPEN)
        await it.until(lambda: "29 flows" in it.text)
        await it.press("g")
        await it.until(lambda: "reading" in it.text)
        before = [line[:60] for line in it.text.splitlines()[2:12]]
        session.publish(*(FlowChanged(flow=flow(100 + number)) for number in range(50)))
        await it.until(lambda: "50 newer" in it.text)
        assert [line[:60] for line in it.text.splitlines()[2:12]] == before
        await it.press("G")
        await it.until(lambda: "newer" not in it.text)


async def test_curl_goes_to_the_clipboard(session: ScriptedSession) -> None:
    session.play()
    async with driven(session) as it:
        await it.press(*OPEN, "g", "j", "c")
        await it.until(lambda: "Copied as curl" in it.text)
        assert "$ANTHROPIC_API_KEY" in it.app.clipboard
        assert "https://api.anthropic.com/v1/messages" in it.app.clipboard


async def test_har_of_what_is_listed_goes_to_a_private_file(
    session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    kept = tmp_path / "sessions" / SESSION_ID
    kept.mkdir(parents=True)
    session.play()
    async with driven(session, (200, 50)) as it:
        await it.press(*OPEN, "slash", *"refused", "enter")
        await it.until(lambda: "2 of 9 flows" in it.text)
        await it.press("x")
        await it.until(lambda: "Bodies, header values" in it.text)
    (written,) = kept.glob("*.har")
    assert written.stat().st_mode & 0o777 == 0o600
    assert len(json.loads(written.read_bytes())["log"]["entries"]) == 2


async def test_a_directory_that_is_gone_is_said(session: ScriptedSession, tmp_path: Path) -> None:
    session.play()
    async with driven(session, (200, 50)) as it:
        await it.press(*OPEN)
        screen = it.app.screen
        assert isinstance(screen, TrafficBrowser)
        screen._session = SessionPaths.of(SESSION_ID, tmp_path / "gone")
        await it.press("x")
        await it.until(lambda: "Not written" in it.text)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
@pytest.mark.parametrize("keys", [(), ("d",), ("slash", *"[red]")], ids=str)
async def test_nothing_breaks_out(session: ScriptedSession, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    publish_everywhere(session)
    async with driven(session, size) as it:
        await it.press(*OPEN, *keys)
        await it.until(lambda: "flows" in it.text)
        assert_harmless(it)


async def test_a_hostile_flow_is_copied_as_one_harmless_line(session: ScriptedSession) -> None:
    session.publish(FlowChanged(flow=flow(1, host=HOSTILE, path=HOSTILE, method=HOSTILE)))
    async with driven(session) as it:
        await it.press(*OPEN, "c")
        await it.until(lambda: "Copied as curl" in it.text)
        assert it.app.clipboard.isascii()
        assert it.app.clipboard.rstrip("\n").isprintable()
