"""Suggested rules on the screen: told from past logs, drawn safely, written nowhere."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.events import Decision
from ironcurtain_tui.policy.action import HttpRequest, ToolCall
from ironcurtain_tui.policy.rules import RequestRule
from ironcurtain_tui.policy.suggest import Suggestion
from ironcurtain_tui.ui.neutralise import neutralise
from ironcurtain_tui.ui.screens.suggestions import NONE, lines

from .scripted_session import ScriptedSession, driven


def past_session(home: Path, name: str, *, denied: bool) -> None:
    """A log in which reading from a host was approved four times, and perhaps denied once."""
    log = AuditLog.open(home / "sessions" / name / "audit.jsonl", name)
    for number in range(5 if denied else 4):
        action = HttpRequest(host="docs.example.org", port=443, method="GET", path=f"/page/{number}")
        allow = number < 4
        log.append(
            "request",
            "GET docs.example.org",
            decision=Decision.ALLOW if allow else Decision.DENY,
            data={
                "action": msgspec.to_builtins(action),
                "rule": "x",
                "reason": "",
                "digest": "0" * 64 if allow else "",
            },
        )
    log.close()


@pytest.mark.parametrize("denied", [False, True])
async def test_past_sessions_suggest_what_was_never_denied(
    session: ScriptedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, denied: bool
) -> None:
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "sessions" / ("a" * 12)).mkdir(parents=True, mode=0o700)
    past_session(tmp_path / "home", "a" * 12, denied=denied)
    session.play()
    async with driven(session) as it:
        await it.press("ctrl+a", "s")
        wanted = NONE[:40] if denied else "docs.example.org"
        await it.until(lambda: wanted in it.text)
        assert ("saves 4 questions" in it.text) is not denied
    assert not (tmp_path / "home" / "policy.toml").exists()


def test_names_the_agent_chose_are_drawn_safely() -> None:
    rule = RequestRule(name="GET https://x\u0430\u0301.example.org/", then=Decision.ALLOW, host="x.example.org")
    action = ToolCall(server="s", tool="t", arguments={})
    shown = lines([Suggestion(rule=rule, saves=3, examples=(action,))])
    assert all(line == neutralise(line) for line in shown)
    assert shown[2] == "# saves 3 questions"
