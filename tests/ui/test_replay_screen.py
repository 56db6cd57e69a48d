"""Sessions played back: a real screen process draws, and the lists move along."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.index import AuditIndex
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.events import Decision, FlowChanged
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.terminal.replay import Replay
from ironcurtain_tui.traffic.keeper import TrafficKeeper
from ironcurtain_tui.ui.archive import ArchiveApp
from ironcurtain_tui.ui.player import Player
from ironcurtain_tui.ui.screens.replay import ReplayScreen
from ironcurtain_tui.ui.widgets.timeline import place

from .audit_stage import SECOND, browsing, two_sessions
from .conftest import drawn
from .on_screen import OnScreen
from .scripted_session import NOON, SESSION_ID, ScriptedSession, driven, flow
from .test_hostile import HOSTILE, assert_harmless

START = -300
"""Seconds after noon at which the recording begins."""
EVENTS = [
    (0.0, "o", "\x1b[2J\x1b[Hagent ready\r\n"),
    (100.0, "o", "> fix the login test\r\n"),
    (120.0, "m", "#4 escalation.raised: git.git_push"),
    (120.5, "o", "\x1b[33mwaits for approval\x1b[0m\r\n"),
    (130.0, "m", "#5 escalation.approved: git.git_push"),
    (131.0, "o", "pushed\r\n"),
    (150.0, "r", "70x18"),
    (200.0, "m", "#6 request: telemetry.example.com"),
    (201.0, "o", "refused: telemetry\r\n"),
    (240.0, "o", "\x1b[2J\x1b[Hbye\r\n"),
]


def record(directory: AuditDirectory, session: str, events: list[tuple[float, str, str]], packed: bool = True) -> Path:
    path = SessionPaths.of(session, directory.root).recording
    path.parent.mkdir(parents=True, exist_ok=True)
    us = round((NOON + START) * 1e6)
    header = {"version": 2, "width": 60, "height": 16, "timestamp": us // 10**6}
    clocks = {"time_us": us, "mono_us": us - 10**12, "part": 1}
    lines = [{**header, "ironcurtain": clocks}, *events]
    content = "".join(json.dumps(line) + "\n" for line in lines).encode()
    path = path.with_name(f"{path.name}.gz") if packed else path
    path.write_bytes(gzip.compress(content) if packed else content)
    return path


@pytest.fixture
def logs(tmp_path: Path) -> AuditDirectory:
    directory = two_sessions(tmp_path)
    record(directory, SECOND, EVENTS)
    with AuditIndex(directory) as index:
        index.refresh()
    return directory


class Playing(OnScreen[ArchiveApp]):
    """The replay. While it plays its picture never stands still."""

    @property
    def screen(self) -> ReplayScreen:
        (screen,) = (one for one in self.app.screen_stack if isinstance(one, ReplayScreen))
        return screen

    @property
    def player(self) -> Player:
        player = self.screen._player
        assert player is not None
        return player

    async def caught_up(self) -> None:
        screens = [one for one in self.app.screen_stack if isinstance(one, ReplayScreen)]
        if not any(one._player is not None and one._player.playing for one in screens):
            await super().caught_up()

    async def at(self, second: float) -> None:
        """Until the replay stands there and shows it."""
        await self.until(lambda: self.player.settled and self.player.position == second)


@asynccontextmanager
async def playing(directory: AuditDirectory, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Playing]:
    """The replay, paused at the beginning."""
    app = ArchiveApp(directory, session=SECOND, now=lambda: NOON)
    async with app.run_test(size=size, notifications=True) as pilot:
        it = Playing(app, pilot)
        await it.until(lambda: isinstance(app.screen, ReplayScreen) and it.screen._player is not None)
        await it.press("space", "g")
        await it.until(lambda: "agent ready" in it.text)
        await it.until(lambda: "session.start" in it.text or "Claude Code on" in it.text)
        yield it


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_picture(logs: AuditDirectory, picture: SnapshotAssertion, size: tuple[int, int]) -> None:
    async with playing(logs, size) as it:
        await it.press("n", "n")
        await it.at(130.0)
        await it.until(lambda: "waits for approval" in it.text)
        await it.caught_up()
        assert drawn(it) == picture


async def test_markers_forth_and_back_and_the_lists_move_along(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        await it.press("n")
        await it.at(120.0)
        await it.until(lambda: "fix the login test" in it.text and "waits for approval" not in it.text)
        await it.until(lambda: _selected(it) == 4)
        await it.press("n", "n")
        await it.at(200.0)
        await it.until(lambda: "pushed" in it.text and _selected(it) == 6)
        await it.until(lambda: "#6 request: telemetry.example.com" in it.text)
        await it.press("p")
        await it.at(130.0)
        await it.until(lambda: "waits for approval" in it.text and "pushed" not in it.text and _selected(it) == 5)


async def test_records_that_nobody_searched_since_they_were_written_are_listed(tmp_path: Path) -> None:
    directory = two_sessions(tmp_path)
    record(directory, SECOND, EVENTS)  # and nothing is in the index
    async with playing(directory) as it:
        await it.until(lambda: len(it.screen._audit.ids) == 7)


def _selected(it: Playing) -> int:
    hit = it.screen._audit.selected
    return hit.record.seq if hit is not None and hit.record is not None else 0


async def test_a_record_leads_to_its_second(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        await it.press("j")
        await it.at(2.0)
        await it.press("j", "j")
        await it.at(120.0)
        await it.press("k")
        await it.at(100.0)


def _flow(it: Playing) -> str:
    selected = it.screen._traffic.selected
    return selected.id if selected is not None else ""


async def test_the_flows_that_are_kept_move_along_and_lead_to_their_second(logs: AuditDirectory) -> None:
    us = round((NOON + START) * 1e6) - 10**12
    directory = SessionPaths.of(SECOND, logs.root).traffic
    keeper = TrafficKeeper(directory, TrafficSettings(), RedactionSettings(), [], print, reserve=0)
    for number, second in enumerate((10.0, 125.0, 205.0)):
        capture = keeper.begin()
        capture.mono_us = us + round(second * 1e6)
        keeper.keep(capture, flow(number, started=NOON))  # the wall clock had jumped
    keeper.close()
    async with playing(logs) as it:
        await it.until(lambda: len(it.screen._traffic._records) == 3)
        await it.press("n", "n")
        await it.at(130.0)
        await it.until(lambda: _flow(it) == "f1")
        await it.press("J")
        await it.at(205.0)
        await it.until(lambda: "refused: telemetry" in it.text and _flow(it) == "f2")
        await it.press("K", "K")
        await it.at(10.0)
        await it.pilot.click("FlowsAlong", offset=(5, 3))
        await it.at(205.0)


async def test_a_session_that_kept_no_traffic_shows_what_its_log_tells(logs: AuditDirectory) -> None:
    async with playing(logs, (200, 50)) as it:
        await it.until(lambda: it.screen._traffic._records)
        assert "telemetry.example.com" in "".join(one.host for one in it.screen._traffic._records)
        assert {one.decision for one in it.screen._traffic._records} >= {Decision.DENY}


async def test_the_size_changes_as_it_did(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        assert it.screen._terminal.size == (60, 16)
        await it.press("G")
        await it.until(lambda: "bye" in it.text and it.screen._terminal.size == (70, 18))
        await it.press("g")
        await it.until(lambda: "agent ready" in it.text and it.screen._terminal.size == (60, 16))


async def test_seeking_by_key_and_by_mouse(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        await it.press("right", "right", "left")
        await it.at(5.0)
        await it.press("shift+right")
        await it.at(65.0)
        await it.pilot.click("Timeline", offset=(119, 0))
        await it.at(240.0)
        await it.until(lambda: "bye" in it.text)


async def test_it_plays_at_the_speed_that_is_set_and_stops_at_the_end(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        now = 0.0
        it.player._clock = lambda: now
        await it.press("plus", "plus", "plus", "plus", "plus", "plus")
        assert it.player.speed == 16.0
        await it.press("space")
        now = 7.0
        await it.until(lambda: it.player.position == 112.0)
        await it.until(lambda: "fix the login test" in it.text and "playing" in it.text)
        await it.press(*["minus"] * 7)
        assert it.player.speed == 0.5
        await it.press("+", "+", "+", "+", "+")
        now = 100.0
        await it.until(lambda: it.player.position == 240.0 and not it.player.playing)
        await it.until(lambda: "paused" in it.text and "bye" in it.text)


async def test_enter_in_the_audit_browser_opens_the_second_of_the_record(logs: AuditDirectory) -> None:
    async with browsing(logs, text="kind:escalation") as it:
        await it.settled()
        await it.press("enter")
        await it.until(lambda: isinstance(it.app.screen, ReplayScreen))
        await it.until(lambda: "waits for approval" in it.text and "02:10 / 04:00" in it.text)
        assert "pushed" not in it.text
        await it.press("escape")
        await it.until(lambda: it.app.screen is it.browser)


async def test_enter_on_a_flow_opens_its_second(
    session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    record(AuditDirectory(tmp_path), SESSION_ID, EVENTS, packed=False)
    session.play()
    session.publish(FlowChanged(flow=flow(50, started=NOON + START + 125.0)))
    async with driven(session) as it:
        await it.press("ctrl+a", "f")
        await it.until(lambda: "10 flows" in it.text)
        await it.press("enter")
        await it.until(lambda: "02:05 / 04:00" in it.text and "waits for approval" in it.text)


async def test_what_was_not_recorded_is_said(tmp_path: Path) -> None:
    directory = two_sessions(tmp_path)
    async with browsing(directory) as it:
        await it.settled()
        await it.press("enter")
        await it.until(lambda: "There is no recording" in it.text and it.app.screen is it.browser)


async def test_the_screen_process_ends_with_the_screen(logs: AuditDirectory) -> None:
    async with playing(logs) as it:
        screen = it.player._screen
        assert screen is not None
        pid = screen.pid
        assert pid is not None
        assert screen.protections
        await it.press("n", "g")  # back: another process
        await it.until(lambda: it.player.settled and it.player.position == 0.0 and it.player._screen is not screen)
        await it.until(lambda: not Path(f"/proc/{pid}").exists())
        screen = it.player._screen
        assert screen is not None
        pid = screen.pid
        await it.press("q")
        await it.until(lambda: not Path(f"/proc/{pid}").exists())
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=str)
async def test_nothing_breaks_out(tmp_path: Path, size: tuple[int, int]) -> None:
    directory = two_sessions(tmp_path)
    events = [(0.0, "o", "agent ready\r\n"), (1.0, "o", HOSTILE * 20), (1.0, "m", HOSTILE), (2.0, "r", "1x99999")]
    record(directory, SECOND, events)
    with AuditIndex(directory) as index:
        index.refresh()
    async with playing(directory, size) as it:
        await it.press("G")
        await it.at(2.0)
        await it.caught_up()
        assert_harmless(it)


async def test_a_long_way_is_gone_in_slices_and_can_be_turned_back(tmp_path: Path) -> None:
    line = "x" * 4000 + "\r\n"
    recording = record(AuditDirectory(tmp_path), SECOND, [(n / 100, "o", f"{n} {line}") for n in range(2000)])
    shown: list[object] = []
    player = Player(Replay.load(recording.with_name("recording.cast")), shown.append, lambda: None)
    player.seek(1e9)
    task = asyncio.get_running_loop().create_task(player.run())
    try:
        async with asyncio.timeout(30):
            while not player._fed:  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.005)
            assert not player.settled
            player.seek(0.0)
            while not (player.settled and shown):  # noqa: ASYNC110 -- nobody tells
                await asyncio.sleep(0.005)
        assert player._fed == 1
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("second", "cell"), [(0, 0), (50, 50), (100, 100), (1000, 100), (-5, 0)])
def test_seconds_have_their_cell(second: float, cell: int) -> None:
    assert place(second, 100.0, 101) == cell


def test_a_recording_without_time_has_one_cell() -> None:
    assert place(0.0, 0.0, 80) == 0
