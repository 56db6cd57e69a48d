"""Calling a person who looks elsewhere: when, how often, and with which bytes."""

from __future__ import annotations

import logging
from functools import partial
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events

from ironcurtain_tui.config import NotificationSettings, TerminalNotification
from ironcurtain_tui.events import EscalationChanged
from ironcurtain_tui.ui import desktop
from ironcurtain_tui.ui.app import IronCurtainApp
from ironcurtain_tui.ui.notifications import (
    PRESENT_SECONDS,
    QUIET_SECONDS,
    Attention,
    Notifier,
    guess,
    sequence,
    words,
)

from .scripted_session import Clock, ScriptedSession, driven, push

AWAY = Attention(focused=False)


class TestWhen:
    def test_quiet_while_the_window_has_the_focus(self) -> None:
        assert not Attention(focused=True).came(1_000.0)[1]

    def test_at_once_when_it_has_not(self) -> None:
        assert AWAY.came(0.0)[1]

    def test_without_word_of_the_focus_a_key_tells(self) -> None:
        attention = Attention(key_at=100.0)
        assert not attention.came(100.0 + PRESENT_SECONDS - 1)[1]
        assert attention.came(100.0 + PRESENT_SECONDS)[1]

    def test_what_came_too_early_is_told_later_once(self) -> None:
        attention, _ = AWAY.came(0.0)
        attention, told = attention.came(1.0)
        assert not told
        assert not attention.tick(2.0, waiting=2)[1]
        attention, told = attention.tick(QUIET_SECONDS, waiting=2)
        assert told
        assert not attention.tick(3 * QUIET_SECONDS, waiting=2)[1]

    def test_not_if_nothing_waits_any_more(self) -> None:
        attention, _ = AWAY.came(0.0)
        attention, _ = attention.came(1.0)
        attention, told = attention.tick(QUIET_SECONDS, waiting=0)
        assert not told
        assert not attention.owed

    @given(st.lists(st.floats(0, 5), max_size=100))
    def test_never_more_often_than_allowed(self, gaps: list[float]) -> None:
        attention, now, told_at = AWAY, 0.0, []
        for gap in gaps:
            now += gap
            attention, told = attention.came(now)
            if told:
                told_at.append(now)
        assert all(later - earlier >= QUIET_SECONDS for earlier, later in pairwise(told_at))


class TestHow:
    @pytest.mark.parametrize(
        ("environment", "kind"),
        [
            ({"KITTY_WINDOW_ID": "1"}, TerminalNotification.OSC99),
            ({"TERM": "xterm-kitty"}, TerminalNotification.OSC99),
            ({"TERM_PROGRAM": "iTerm.app"}, TerminalNotification.OSC9),
            ({"TERM_PROGRAM": "WezTerm"}, TerminalNotification.OSC9),
            ({"TERM": "xterm-ghostty"}, TerminalNotification.OSC9),
            ({"WT_SESSION": "x"}, TerminalNotification.OSC9),
            ({"TERM": "foot"}, TerminalNotification.OSC777),
            ({"VTE_VERSION": "7600"}, TerminalNotification.OSC777),
            ({"TERM": "linux"}, TerminalNotification.OFF),
            ({}, TerminalNotification.OFF),
        ],
    )
    def test_by_what_the_terminal_says_of_itself(self, environment: dict[str, str], kind: TerminalNotification) -> None:
        assert guess(environment) is kind

    @pytest.mark.parametrize(
        ("kind", "made"),
        [
            (TerminalNotification.OSC9, "\x1b]9;IronCurtain: hello\x1b\\"),
            (TerminalNotification.OSC777, "\x1b]777;notify;IronCurtain;hello\x1b\\"),
            (
                TerminalNotification.OSC99,
                "\x1b]99;i=ironcurtain:d=0:p=title;IronCurtain\x1b\\\x1b]99;i=ironcurtain:d=1:p=body;hello\x1b\\",
            ),
            (TerminalNotification.OFF, ""),
        ],
    )
    def test_sequences(self, kind: TerminalNotification, made: str) -> None:
        assert sequence(kind, "hello", in_tmux=False) == made

    def test_through_tmux_every_escape_is_doubled(self) -> None:
        made = sequence(TerminalNotification.OSC9, "hello", in_tmux=True)
        assert made == "\x1bPtmux;\x1b\x1b]9;IronCurtain: hello\x1b\x1b\\\x1b\\"
        assert sequence(TerminalNotification.OSC99, "hello", in_tmux=True).count("\x1bPtmux;") == 2

    def test_each_way_can_be_switched(self) -> None:
        for bell in (True, False):
            for on_desktop in (True, False):
                for terminal in (TerminalNotification.OFF, TerminalNotification.OSC9, TerminalNotification.AUTO):
                    written: list[str] = []
                    shown: list[str] = []
                    settings = NotificationSettings(bell=bell, terminal=terminal, desktop=on_desktop)
                    notifier = Notifier(settings, {}, written.append, partial(remember, shown), Clock())
                    notifier.tell("hello")
                    assert ("\a" in "".join(written)) is bell
                    assert ("]9;" in "".join(written)) is (terminal is TerminalNotification.OSC9)
                    assert bool(shown) is on_desktop

    def test_words(self, session: ScriptedSession) -> None:
        session.publish(EscalationChanged(escalation=push(1)))
        assert words([session.keeper]) == "1 action waits for you: Claude Code in shop"
        session.publish(EscalationChanged(escalation=push(2)))
        assert words([session.keeper]) == "2 actions wait for you: Claude Code in shop"
        assert words([session.keeper] * 2) == "4 actions wait for you in 2 sessions: shop, shop"


def remember(shown: list[str], title: str, text: str) -> None:
    shown.append(f"{title}: {text}")


class TestInTheApp:
    async def test_told_when_away_and_only_in_our_own_words(
        self, session: ScriptedSession, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[str] = []
        monkeypatch.setattr(IronCurtainApp, "_to_terminal", lambda _self, made: told.append(made))
        session.play()
        async with driven(session) as it:
            it.app.post_message(events.AppFocus())
            await it.caught_up()
            session.publish(EscalationChanged(escalation=push(1)))
            await it.until(lambda: "waiting (1)" in it.text)
            assert told == []
            it.app.post_message(events.AppBlur())
            await it.caught_up()
            session.publish(EscalationChanged(escalation=push(2)))
            await it.until(lambda: told)
            session.publish(EscalationChanged(escalation=push(3)))
            await it.until(lambda: "waiting (3)" in it.text)
            assert len(told) == 1
            assert "git" not in told[0]

    async def test_no_desktop_is_no_trouble(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        for name in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY"):
            monkeypatch.delenv(name, raising=False)
        with caplog.at_level(logging.WARNING):
            await desktop.show("IronCurtain", "<b>hello</b>")
