"""What keys and mouse do on the session screen, against a real control server."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from textual import events

from ironcurtain_tui.control.messages import Focus, Key, Paste, ReadHistory, Resize, StopSession
from ironcurtain_tui.events import (
    AgentExited,
    AuditAppended,
    BadgeState,
    BellRang,
    Decision,
    EscalationChanged,
    FlowChanged,
    FlowState,
    Notice,
    SessionStatus,
    StatusChanged,
    StepChanged,
)
from ironcurtain_tui.ui.app import IronCurtainApp, show
from ironcurtain_tui.ui.layout import Panel
from ironcurtain_tui.ui.screens.confirm import Confirm
from ironcurtain_tui.ui.screens.details import RecordDetails
from ironcurtain_tui.ui.screens.help import Help
from ironcurtain_tui.ui.screens.notices import Notices
from ironcurtain_tui.ui.screens.session import SessionScreen
from ironcurtain_tui.ui.widgets.terminal import AgentTerminal
from ironcurtain_tui.ui.widgets.traffic import TrafficList

from .scripted_session import AUDIT, SESSION_ID, Driven, ScriptedSession, driven, escalation, flow, scripted

FOLDED = (80, 24)


def keys_sent(session: ScriptedSession) -> list[str]:
    return [message.key for message in session.received if isinstance(message, Key)]


def screen(it: Driven) -> SessionScreen:
    assert isinstance(it.app.screen, SessionScreen)
    return it.app.screen


def has_focus(it: Driven, panel: Panel) -> bool:
    return screen(it)._panel is panel and it.app.focused is not None


class TestKeysAndTheAgent:
    async def test_everything_but_the_reserved_keys_reaches_the_agent(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            typed = ["h", "ctrl+c", "ctrl+q", "ctrl+p", "ctrl+z", "escape", "tab", "shift+tab", "enter", "f5", "up"]
            await it.press(*typed)
            await it.until(lambda: len(keys_sent(session)) == len(typed))
            assert keys_sent(session) == typed
            assert it.app.is_running

    async def test_the_prefix_alone_sends_nothing_and_shows_its_keys(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            assert "KEYS" not in it.text
            await it.press("ctrl+a")
            assert "KEYS" in it.text
            assert "Stop the session" in it.text
            await it.press("y", "ctrl+c")
            assert "KEYS" in it.text
            await it.press("escape")
            assert "KEYS" not in it.text
            await it.press("z")
            await it.until(lambda: keys_sent(session))
            assert keys_sent(session) == ["z"]

    async def test_prefix_twice_and_function_keys_go_through(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "ctrl+a", "ctrl+a", "f3")
            await it.until(lambda: len(keys_sent(session)) == 2)
            assert keys_sent(session) == ["ctrl+a", "f3"]
            assert screen(it)._arrangement.zoomed is None

    async def test_another_prefix(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session, prefix="ctrl+backslash") as it:
            await it.press("ctrl+a", "ctrl+backslash")
            assert "KEYS" in it.text
            await it.press("escape")
            await it.until(lambda: keys_sent(session) == ["ctrl+a"])

    async def test_paste_reaches_the_agent_also_when_it_looks_like_keys(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            it.app.post_message(events.Paste("\x01d"))
            await it.until(lambda: Paste(text="\x01d") in session.received)
            assert it.app.is_running

    async def test_the_agent_gets_size_and_focus(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            assert session.received[0] == Resize(cols=80, lines=37)
            await it.until(lambda: Focus(focused=True) in session.received)
            await it.press("ctrl+a", "z")
            await it.until(lambda: Resize(cols=120, lines=37) in session.received)
            await it.pilot.resize_terminal(90, 30)
            await it.until(lambda: Resize(cols=90, lines=27) in session.received)

    async def test_scrolling_back(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "left_square_bracket")
            await it.until(lambda: "live screen" in it.text)
            await it.press("x", "pageup", "escape", "x")
            await it.until(lambda: keys_sent(session))
            assert keys_sent(session) == ["x"]

    async def test_keys_for_the_history_ask_for_it(self, session: ScriptedSession) -> None:
        session.play()
        assert session.screen is not None
        async with driven(session) as it:
            session.screen = msgspec.structs.replace(session.screen, history=90)
            session.draws += 1
            session._server.screen_changed()
            await it.until(lambda: it.app.query_one(AgentTerminal)._history == 90)
            await it.press("ctrl+a", "left_square_bracket", "pageup")
            await it.until(lambda: any(isinstance(message, ReadHistory) for message in session.received))
            assert it.app.query_one(AgentTerminal).scrolled_back > 0
            await it.press("q")
            assert it.app.query_one(AgentTerminal).scrolled_back == 0


class TestLeaving:
    @pytest.mark.parametrize("key", ["d", "q"])
    async def test_detaching_leaves_the_agent_running_and_says_so(self, session: ScriptedSession, key: str) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", key)
            await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert f"attach {SESSION_ID}" in it.app.return_value.message
        assert "keeps running" in it.app.return_value.message
        assert it.app.return_value.exit_code == 0
        assert StopSession() not in session.received

    async def test_stopping_asks_first_and_enter_is_the_safe_answer(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "x")
            assert isinstance(it.app.screen, Confirm)
            assert SESSION_ID in it.text
            await it.press("enter")
            assert isinstance(it.app.screen, SessionScreen)
            await it.press("ctrl+a", "x", "escape")
            await it.press("ctrl+a", "x", "n")
            assert StopSession() not in session.received

    async def test_stopping_says_goodbye(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "x", "tab", "enter")
            await it.until(lambda: StopSession() in session.received)
            await session.say_goodbye("stopped")
            await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert "is stopped" in it.app.return_value.message

    async def test_no_supervisor(self, tmp_path: Path) -> None:
        app = IronCurtainApp(tmp_path / "nobody.sock")
        async with app.run_test() as pilot:
            for _ in range(100):
                if app.return_value:
                    break
                await pilot.pause(0.02)
        assert app.return_value is not None
        assert "does not answer" in app.return_value.message
        assert app.return_value.exit_code == 1

    async def test_a_failing_screen_is_logged_not_printed(
        self, session: ScriptedSession, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = IronCurtainApp(session.path)

        async def fail() -> None:
            async with app.run_test() as pilot:
                app.call_later(lambda: 1 // 0)
                await pilot.pause(0.2)

        with pytest.raises(ZeroDivisionError):
            await fail()
        assert app._exit_renderables == []
        assert "the screen failed" in caplog.text
        assert app.return_code == 1

    def test_what_is_printed_after_a_failure(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        app = IronCurtainApp(tmp_path / "control.sock")
        monkeypatch.setattr(app, "run", lambda: None)
        departure = show(app, "/logs/ui.log")
        assert "/logs/ui.log" in departure.message
        assert departure.exit_code == 1


class TestWhenItIsOver:
    async def test_a_vanished_supervisor_is_told_loudly_and_nothing_crashes(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await session.vanish()
            await it.until(lambda: "The supervisor of this session is gone" in it.text)
            assert "✗ lost" in it.text
            assert "fail closed" in it.text
            await it.press("h", "f3", "escape", "left_square_bracket", "escape")
            assert it.app.is_running
            await it.press("q")
            await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert it.app.return_value.exit_code == 1
        assert "ironcurtain-tui gc" in it.app.return_value.message

    async def test_the_agent_exits(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            session.publish(AgentExited(exit_code=3))
            await session.say_goodbye("the agent exited")
            await it.until(lambda: "The session is over: the agent exited." in it.text)
            assert "code 3" in it.text
            assert "The fixture forgets" in it.text
            await it.press("q")
            await it.until(lambda: it.app.return_value)
        assert it.app.return_value is not None
        assert it.app.return_value.exit_code == 0

    async def test_a_lost_engine_can_still_be_cleaned_up(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            session.publish(StatusChanged(status=SessionStatus.LOST, detail="the engine does not answer"))
            await it.until(lambda: "The agent is lost: the engine does not answer" in it.text)
            await it.press("a")
            await it.press("ctrl+a", "x", "y")
            await it.until(lambda: StopSession() in session.received)
            assert keys_sent(session) == []

    async def test_attaching_to_a_lost_session(self, session: ScriptedSession) -> None:
        session.play()
        session.publish(StatusChanged(status=SessionStatus.LOST))
        async with driven(session) as it:
            await it.until(lambda: "The agent is lost" in it.text)


class TestStarting:
    async def test_steps_stand_where_the_terminal_will_be(self, session: ScriptedSession) -> None:
        session.publish(
            StepChanged(step="engine", state=BadgeState.OK, ms=12.0),
            StepChanged(step="container", state=BadgeState.PENDING, detail="creating"),
        )
        async with driven(session) as it:
            await it.until(lambda: "✓  engine" in it.text)
            assert "◌  container" in it.text
            assert "12ms" in it.text
            session.publish(StepChanged(step="container", state=BadgeState.FAIL, ms=90.0, detail="no space"))
            await it.until(lambda: "✗  container" in it.text)
            session.draw()
            await it.until(lambda: "Welcome to the agent" in it.text)
            assert "no space" not in it.text
            assert has_focus(it, Panel.AGENT)

    async def test_a_rehearsal_says_so(self, tmp_path: Path) -> None:
        async with scripted(tmp_path / "control.sock", rehearsal=True) as session:
            session.play()
            for size in ((200, 50), (120, 40), (80, 24)):
                async with driven(session, size) as it:
                    await it.until(lambda: "REHEARSAL: scripted model" in it.text)


class TestPanels:
    async def test_moving_between_panels(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "T")
            assert has_focus(it, Panel.TRAFFIC)
            await it.press("tab")
            assert has_focus(it, Panel.AUDIT)
            await it.press("ctrl+a", "up", "ctrl+a", "up")
            assert has_focus(it, Panel.ESCALATIONS)
            await it.press("escape")
            assert has_focus(it, Panel.AGENT)
            await it.press("ctrl+a", "right")
            assert has_focus(it, Panel.ESCALATIONS)
            await it.press("ctrl+a", "left")
            assert has_focus(it, Panel.AGENT)
            assert keys_sent(session) == []

    @pytest.mark.parametrize("size", [(120, 40), FOLDED])
    @pytest.mark.parametrize(("key", "panel"), [("f2", "Nothing waits"), ("f3", "telemetry"), ("f4", "self-test")])
    async def test_full_screen_and_back(
        self, session: ScriptedSession, size: tuple[int, int], key: str, panel: str
    ) -> None:
        session.play()
        async with driven(session, size) as it:
            for back in (key, "escape"):
                await it.press(key)
                assert "Welcome to the agent" not in it.text
                assert panel in it.text
                await it.press(back)
                assert "Welcome to the agent" in it.text
                assert has_focus(it, Panel.AGENT)

    async def test_hide_and_bring_back(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "T", "h")
            assert "Traffic" not in it.text
            assert has_focus(it, Panel.AGENT)
            await it.press("ctrl+a", "b")
            assert "Audit" not in it.text
            await it.press("ctrl+a", "T")
            assert has_focus(it, Panel.TRAFFIC)
            assert "Audit" in it.text

    async def test_resize_by_keys(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            side = it.app.screen.query_one("#side")
            assert side.size.width == 39
            await it.press("ctrl+a", "less_than_sign", "less_than_sign", "greater_than_sign", "escape")
            assert side.size.width == 43
            traffic = it.app.screen.query_one("#traffic")
            height = traffic.size.height
            await it.press("ctrl+a", "T", "plus", "plus", "minus")
            assert traffic.size.height == height + 1

    async def test_resize_by_mouse(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            side = it.app.screen.query_one("#side")
            await it.pilot.mouse_down("Splitter", offset=(0, 5))
            await it.pilot.hover(offset=(70, 6))
            await it.pilot.mouse_up(offset=(70, 6))
            await it.caught_up()
            assert side.size.width == 49
            audit = it.app.screen.query_one("#audit")
            height, top = audit.size.height, audit.region.y
            await it.pilot.mouse_down("#audit PanelTitle", offset=(20, 0))
            await it.pilot.hover(offset=(95, top - 3))
            await it.pilot.mouse_up(offset=(95, top - 3))
            await it.caught_up()
            assert audit.size.height == height + 3

    async def test_mouse_on_titles_and_hints(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.pilot.click("#traffic PanelTitle", offset=(4, 0))
            assert has_focus(it, Panel.TRAFFIC)
            await it.pilot.click("#traffic PanelTitle", offset=(4, 0), times=2)
            await it.caught_up()
            assert screen(it)._arrangement.zoomed is Panel.TRAFFIC
            title = it.app.screen.query_one("#traffic PanelTitle")
            await it.pilot.click(title, offset=(title.size.width - 4, 0))
            await it.caught_up()
            assert screen(it)._arrangement.zoomed is None
            footer = it.text.splitlines()[-1]
            await it.pilot.click("#footer", offset=(footer.index("F1"), 0))
            await it.caught_up()
            assert isinstance(it.app.screen, Help)

    async def test_one_is_singular(self, session: ScriptedSession) -> None:
        session.publish(FlowChanged(flow=flow(1)), EscalationChanged(escalation=escalation(1)))
        async with driven(session, FOLDED) as it:
            await it.until(lambda: "F2 1 waits " in it.text and "F3 1 flow " in it.text)
            await it.press("f4")
            session.publish(AuditAppended(line=AUDIT[0]))
            await it.until(lambda: " 1 record " in it.text)

    async def test_what_failed_says_why(self, session: ScriptedSession) -> None:
        reason = "the name no.example cannot be resolved"
        failed = flow(1, host="no.example", path="/", state=FlowState.ERROR, status=502, reason=reason)
        session.publish(FlowChanged(flow=failed))
        async with driven(session, FOLDED) as it:
            await it.press("f3")
            await it.until(lambda: "no.example/  the name no" in it.text and "✗ error" in it.text)

    async def test_small_terminals_fold_and_tiny_ones_say_so(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session, FOLDED) as it:
            assert "F3 9 flows ✗2" in it.text
            assert "F4 6 audit" in it.text
            assert "Escalations" not in it.text
            await it.pilot.resize_terminal(39, 11)
            await it.caught_up()
            assert "Terminal too small" in it.text
            assert "Welcome" not in it.text
            await it.pilot.resize_terminal(120, 40)
            await it.caught_up()
            assert "Escalations" in it.text
            assert "too small" not in it.text


class TestRecords:
    async def test_details_of_a_flow_follow_it(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "T", "enter")
            assert isinstance(it.app.screen, RecordDetails)
            assert "1,204 bytes" in it.text
            session.publish(FlowChanged(flow=flow(9, state=FlowState.DONE, bytes_down=99_999)))
            await it.until(lambda: "99,999 bytes" in it.text)
            assert "claude-sonnet-4-5" in it.text
            await it.press("escape")
            await it.press("k", "k", "enter")
            assert "the endpoint is not on the list" in it.text

    @pytest.mark.parametrize("size", [(120, 40), (80, 24), (60, 15)])
    async def test_long_details_scroll_and_leave_the_keys_in_sight(
        self, session: ScriptedSession, size: tuple[int, int]
    ) -> None:
        session.publish(FlowChanged(flow=flow(9, path="/" + "0" * 5000)))
        async with driven(session, size) as it:
            await it.press("f3", "enter")
            await it.until(lambda: "Esc close" in it.text and "Outcome" in it.text)
            content = it.app.screen.query_one("#content")
            content.scroll_end(animate=False, immediate=True)
            await it.until(lambda: content.scroll_y == content.max_scroll_y and "Flow  f9" in it.text)
            assert "Esc close" in it.text

    async def test_details_of_an_audit_record(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("f4", "g", "enter")
            assert "Audit record #1" in it.text
            assert "claude-code in /home/dev/shop" in it.text

    async def test_refused_flows_are_marked_by_word(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            assert it.text.count("✗ refused") == 2
            assert "✗ 2 refused" in it.text

    async def test_the_list_follows_until_one_reads_and_again_on_demand(self, session: ScriptedSession) -> None:
        session.play()
        session.publish(*(FlowChanged(flow=flow(100 + n, path=f"/p{n}")) for n in range(60)))
        async with driven(session) as it:
            await it.press("f3")
            await it.until(lambda: "/p59" in it.text)
            session.publish(FlowChanged(flow=flow(170, path="/p60")))
            await it.until(lambda: "/p60" in it.text)
            await it.press("k")
            session.publish(FlowChanged(flow=flow(171, path="/p61")))
            await it.until(lambda: "1 newer" in it.text)
            assert "/p61" not in it.text
            await it.press("G")
            await it.until(lambda: "/p61" in it.text)
            assert "newer" not in it.text

    async def test_reading_survives_arrivals(self, session: ScriptedSession) -> None:
        session.play()
        session.publish(*(FlowChanged(flow=flow(100 + n, path=f"/p{n}")) for n in range(60)))
        async with driven(session) as it:
            await it.press("f3")
            await it.until(lambda: "/p59" in it.text)
            await it.press(*["k"] * 5)
            lines = [line[:-1] for line in it.text.splitlines()[2:-1]]  # the last column is the scrollbar's
            session.publish(*(FlowChanged(flow=flow(200 + n, path=f"/q{n}")) for n in range(500)))
            await it.until(lambda: "500 newer" in it.text)
            assert [line[:-1] for line in it.text.splitlines()[2:-1]] == lines
            selected = it.app.screen.query_one(TrafficList).selected
            assert selected is not None
            assert selected.path == "/p54"

    async def test_wheel_and_click_select_and_open(self, session: ScriptedSession) -> None:
        session.play()
        session.publish(*(FlowChanged(flow=flow(100 + n, path=f"/p{n}")) for n in range(60)))
        async with driven(session) as it:
            records = it.app.screen.query_one(TrafficList)
            await it.until(lambda: "/p59" in it.text)
            await it.pilot._post_mouse_events([events.MouseScrollUp], TrafficList, button=0)
            await it.caught_up()
            assert not records.following
            await it.pilot.click(TrafficList, offset=(7, 4))
            await it.caught_up()
            chosen = records.selected
            await it.pilot.click(TrafficList, offset=(5, 4), times=2)
            await it.caught_up()
            assert chosen is not None
            assert isinstance(it.app.screen, RecordDetails)
            assert chosen.path in it.text

    async def test_filter(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("f3", "slash", *"nowhere")
            assert "Nothing here contains what the filter says" in it.text
            await it.press(*["backspace"] * 7, *"teleme")
            assert "telemetry.example.com" in it.text
            assert "/v1/models" not in it.text
            await it.press("enter")
            assert has_focus(it, Panel.TRAFFIC)
            assert "filter: teleme" in it.text
            await it.press("slash", "escape")
            assert "/v1/models" in it.text
            assert "filter:" not in it.text
            assert keys_sent(session) == []

    async def test_the_prefix_works_while_filtering(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("f3", "slash", "x", "ctrl+a")
            assert "KEYS" in it.text
            await it.press("d")
            await it.until(lambda: it.app.return_value)

    async def test_totals(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.until(lambda: "23k tok" in it.text)
            assert "$0.02" in it.text
            assert sum(each.decision is Decision.DENY for each in session.keeper.flows.values()) == 2


class TestNoticesHelpPalette:
    async def test_notices_are_toasts_and_stay_in_a_list(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            notice = Notice(level=BadgeState.FAIL, text="The disk is [b]full[/b]", remedy="Free space", time=0.0)
            session.publish(notice)
            await it.until(lambda: "The disk is [b]full[/b]" in it.text)
            await it.until(lambda: "1 notices" in it.text)
            await it.press("ctrl+a", "N")
            assert isinstance(it.app.screen, Notices)
            assert "Free space" in it.text
            await it.press("escape")
            assert "1 notices" not in it.text

    @pytest.mark.parametrize("keys", [["f1"], ["ctrl+a", "question_mark"]])
    async def test_help_names_keys_and_badges(self, session: ScriptedSession, keys: list[str]) -> None:
        session.play()
        async with driven(session, (120, 260)) as it:
            await it.press(*keys)
            assert isinstance(it.app.screen, Help)
            for wanted in (
                "After ^A",
                "Stop the session",
                "no egress",
                "self-test passed",
                "waiting",
                "✗ refused",
            ):
                assert wanted in it.text
            await it.press("f1")
            assert isinstance(it.app.screen, SessionScreen)

    async def test_palette_runs_our_commands(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session) as it:
            await it.press("ctrl+a", "colon")
            await it.until(lambda: "Stop the session" in it.text)
            await it.press(*"to the audit")
            await it.caught_up()
            await it.press("enter")
            await it.until(lambda: isinstance(it.app.screen, SessionScreen) and has_focus(it, Panel.AUDIT))

    async def test_theme(self, session: ScriptedSession) -> None:
        session.play()
        async with driven(session, theme="nord") as it:
            assert it.app.theme == "nord"
        async with driven(session, theme="no such theme") as it:
            assert it.app.theme == "ironcurtain"
            await it.press("ctrl+a", "t")
            await it.until(lambda: "nord" in it.text)
            await it.press("escape")  # a search that is under way when the app ends fails (Textual)

    async def test_bell(self, session: ScriptedSession, monkeypatch: pytest.MonkeyPatch) -> None:
        session.play()
        rang: list[bool] = []
        monkeypatch.setattr(IronCurtainApp, "bell", lambda _self: rang.append(True))
        async with driven(session) as it:
            session.publish(BellRang())
            await it.until(lambda: rang)

    async def test_a_link_is_shown_before_it_is_opened(
        self, session: ScriptedSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        session.play()
        opened: list[str] = []
        monkeypatch.setattr(IronCurtainApp, "open_url", lambda _self, url: opened.append(url))
        async with driven(session) as it:
            terminal = it.app.query_one(AgentTerminal)
            terminal.post_message(AgentTerminal.LinkClicked("javascript:alert(1)"))
            await it.until(lambda: "Not opened" in it.text)
            terminal.post_message(AgentTerminal.LinkClicked("https://example.com/?q=\u202esecret"))
            await it.until(lambda: "https://example.com/?q=\\u{202e}secret" in it.text)
            await it.press("enter")
            assert opened == []
            terminal.post_message(AgentTerminal.LinkClicked("https://example.com/" + "x" * 9000))
            await it.until(lambda: "Do not open" in it.text and "Esc close" in it.text)
            await it.press("escape")
            terminal.post_message(AgentTerminal.LinkClicked("https://example.com/"))
            await it.until(lambda: isinstance(it.app.screen, Confirm))
            await it.press("y")
            await it.until(lambda: opened == ["https://example.com/"])
