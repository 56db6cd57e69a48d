"""The full-screen view of the traffic."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.redact import MARK
from ironcurtain_tui.config import RedactionSettings, TrafficSettings
from ironcurtain_tui.events import Flow, FlowChanged
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.traffic.keeper import TrafficKeeper
from ironcurtain_tui.ui.archive import ArchiveApp
from ironcurtain_tui.ui.screens.traffic_browser import TrafficBrowser

from .conftest import drawn
from .scripted_session import FLOWS, NOON, SESSION_ID, ScriptedSession, driven, flow
from .test_hostile import HOSTILE, assert_harmless, publish_everywhere

OPEN = ("ctrl+a", "f")
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 50)], ids=lambda size: f"{size[0]}x{size[1]}")


def keep(home: Path, *kept: tuple[Flow, str, str]) -> None:
    """Flows with the bodies of request and response, as a session leaves them."""
    directory = SessionPaths.of(SESSION_ID, home).traffic
    directory.parent.mkdir(parents=True, exist_ok=True)
    keeper = TrafficKeeper(directory, TrafficSettings(), RedactionSettings(), [], print, reserve=0)
    for one, asked, answered in kept:
        capture = keeper.begin()
        capture.target = f"{one.path}?beta=true"
        for part, body, kind in (
            (capture.request, asked, "application/json"),
            (capture.response, answered, one.content_type),
        ):
            part.head((("content-type", kind), ("x-api-key", MARK)))
            part.feed(body.encode())
        keeper.keep(capture, one)
    keeper.close()


ASKED = '{"model":"claude","messages":[{"role":"user","content":"fix the test\\nplease"}]}'
STREAM = 'event: content_block_delta\ndata: {"delta":{"type":"text_delta","text":"I will look."}}\n\n'


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in which two of the script's flows are kept."""
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    keep(tmp_path, (FLOWS[1], ASKED, STREAM), (FLOWS[7], "{}", '{"type":"error"}'))
    return tmp_path


@SIZES
async def test_picture_of_what_is_kept(
    session: ScriptedSession, picture: SnapshotAssertion, kept: Path, size: tuple[int, int]
) -> None:
    session.play()
    async with driven(session, size) as it:
        await it.press(*OPEN, "g", "j", *([] if size[0] > 110 else ["d"]))
        await it.caught_up()
        await it.press("J", "J", "J", "J")
        await it.until(lambda: "I will look." in it.text or size[0] == 80)
        if size[0] == 200:
            await it.press("r", "J", "J")
            await it.until(lambda: "fix the test" in it.text)
        await it.caught_up()
        assert drawn(it) == picture


async def test_what_is_kept_is_in_the_details(session: ScriptedSession, kept: Path) -> None:
    session.play()
    async with driven(session, (200, 80)) as it:
        await it.press(*OPEN, "g", "j")
        await it.until(lambda: "I will look." in it.text and '"role"' not in it.text)
        await it.press("r")
        await it.until(lambda: '      "content": "fix the test' in it.text and "I will look." not in it.text)
        assert f"x-api-key: {MARK}" in it.text
        await it.press("g")
        await it.until(lambda: "nothing is kept of it" in it.text)


async def test_mitmproxys_filters_find_bodies(session: ScriptedSession, kept: Path) -> None:
    session.play()
    async with driven(session) as it:
        await it.press(*OPEN, "slash", *"~bs i.will | ~c 529")
        await it.until(lambda: "2 of 9 flows" in it.text)
        await it.press("escape", *"!~b look")
        await it.until(lambda: "8 of 9 flows" in it.text)
        await it.press("escape", *"(~d x")
        await it.until(lambda: "not closed (character 1)" in it.text)


async def test_a_flow_that_ends_while_a_filter_waits_for_it_appears(session: ScriptedSession, kept: Path) -> None:
    async with driven(session) as it:
        one = flow(50, id="f50", started=time.time(), total_ms=1.0)
        session.publish(FlowChanged(flow=one))
        await it.press(*OPEN, "slash", *"~b needle")
        await it.until(lambda: "0 of 1 flow" in it.text)
        keep(kept, (one, "a needle", ""))
        await it.until(lambda: " 1 flow " in it.text)


async def test_the_traffic_of_a_past_session(kept: Path) -> None:
    app = ArchiveApp(AuditDirectory(kept), session=SESSION_ID, traffic=True, now=lambda: NOON)
    async with app.run_test(size=(120, 70)) as pilot:

        def text() -> str:
            return "\n".join(
                "".join(segment.text for segment in strip) for strip in app.screen._compositor.render_strips()
            )

        for _ in range(500):
            if "2 flows" in text() and '{"type":"error"}' in text():
                break
            await pilot.pause(0.02)
        assert "2 flows" in text()
        assert '{"type":"error"}' in text()
        await pilot.press("escape")
    assert app.return_code == 0


async def test_curl_has_what_was_kept(session: ScriptedSession, kept: Path) -> None:
    session.play()
    async with driven(session) as it:
        await it.press(*OPEN, "g", "j", "c")
        await it.until(lambda: "Copied as curl" in it.text)
        assert "?beta=true" in it.app.clipboard
        assert "--data-binary" in it.app.clipboard
        assert '"x-api-key: $ANTHROPIC_API_KEY"' in it.app.clipboard


async def test_hostile_bodies_break_out_nowhere(
    session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path))
    one = flow(1, content_type=f"text/event-stream; {HOSTILE}")
    keep(tmp_path, (one, HOSTILE * 3, HOSTILE.replace("\0", "") * 30))
    session.publish(FlowChanged(flow=one))
    async with driven(session, (200, 50)) as it:
        await it.press(*OPEN)
        await it.until(lambda: "Response body" in it.text)
        assert_harmless(it)
        await it.press("r")
        await it.until(lambda: "Request body" in it.text)
        assert_harmless(it)


@SIZES
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
        await it.caught_up()
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
        await it.until(lambda: "Values of headers that carry a credential" in it.text)
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
