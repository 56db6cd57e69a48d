"""A conversation outlives its session, even one whose supervisor was killed: on the screen, and before the model."""

from __future__ import annotations

import os
import signal

import pytest

from ironcurtain_tui.rehearsal.dialects.messages import Messages
from ironcurtain_tui.rehearsal.wire import Asked
from ironcurtain_tui.sessions import registry
from tests.e2e.conftest import CANARY, Installation
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


def test_real_claude_code_goes_on_where_it_was(
    with_key: Installation, terminal: Tmux, second_terminal: Tmux, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    original = Messages.read

    def remember(self: Messages, path: str, body: bytes) -> Asked:
        asked.append(body.decode())
        return original(self, path, body)

    monkeypatch.setattr(Messages, "read", remember)
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    terminal.submit("SAY: the word is heron-42")
    terminal.wait_for(r"● the word is heron-42")
    (first,) = with_key.sessions()
    lease = registry.read_lease(first)
    assert lease is not None
    os.kill(lease.owner.pid, signal.SIGKILL)
    wait_until(lambda: not lease.owner.alive(), PATIENCE)
    terminal.wait_for("supervisor of this session is gone")
    assert "can be resumed" in with_key.run("sessions").stdout

    asked.clear()
    with_key.open(second_terminal, "run", "--resume", first.session_id[:6])
    second_terminal.wait_for(r"● the word is heron-42")
    second_terminal.submit("SAY: and on it goes")
    second_terminal.wait_for(r"● and on it goes")
    assert any("heron-42" in each and "and on it goes" in each for each in asked), (
        "the model hears what was said before"
    )
    (second,) = with_key.sessions()
    second_terminal.press("C-a", "d")
    second_terminal.wait_for("EXIT 0")
    with_key.run("stop")
    assert verify_file(second.audit_log, second.session_id).ok
    assert f'"resumes":"{first.session_id}"' in second.audit_log.read_text()
    for session in (first, second):
        kept = [path for path in session.state.rglob("*") if path.is_file()]
        assert kept
        assert not any(CANARY in path.read_text() for path in kept)
        assert not any(path.stat().st_mode & 0o111 for path in kept)
