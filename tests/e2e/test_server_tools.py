"""What a provider would do out of sight is asked about: Claude Code really searches the web, by its provider's tool."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from ironcurtain_tui.audit.reader import AuditReader
from ironcurtain_tui.events import Decision
from ironcurtain_tui.rehearsal.dialects import Messages
from ironcurtain_tui.rehearsal.wire import Asked
from ironcurtain_tui.ui.approval import ARMING_SECONDS
from tests.e2e.conftest import Installation
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

SEARCH = "web_search_20250305"


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Every search that arrives at the provider: its last words, and the types of its tools."""
    asked: list[tuple[str, list[str]]] = []
    read = Messages.read

    def remember(self: Any, path: str, body: bytes) -> Asked:
        question = json.loads(body)
        tools = [tool.get("type", "") for tool in question.get("tools", [])]
        if "Perform a web search" in (words := json.dumps(question["messages"][-1])):
            asked.append((words, tools))
        return read(self, path, body)

    monkeypatch.setattr(Messages, "read", remember)
    return asked


def test_a_search_goes_out_when_a_person_agrees_and_without_its_tool_when_not(
    with_key: Installation, terminal: Tmux, searches: list[tuple[str, list[str]]]
) -> None:
    settings = with_key.home / "config.toml"
    settings.write_text(settings.read_text() + 'server_tools = "ask"\n')  # in the table of the provider
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    terminal.wait_for("no-egress")
    (session,) = with_key.sessions()

    terminal.submit('TOOL: WebSearch {"query": "tides of Esbjerg"}')
    decide(terminal, approve=True)
    wait_until(lambda: len(searches) == 1 and "○ idle" in terminal.screen(), PATIENCE)

    terminal.press("C-a", "g")
    terminal.wait_for(f"what cannot be seen from here: tool {SEARCH}")
    terminal.press("r")
    terminal.wait_for("0 grants in force")
    back(terminal)
    terminal.submit('TOOL: WebSearch {"query": "tides of Husum"}')
    decide(terminal, approve=False)
    wait_until(lambda: len(searches) == 2 and "○ idle" in terminal.screen(), PATIENCE)

    # It is asked once: the no holds for the session.
    terminal.submit('TOOL: WebSearch {"query": "tides of Dover"}')
    wait_until(lambda: len(searches) == 3 and "○ idle" in terminal.screen(), PATIENCE)
    terminal.wait_for("~ 2 changed")
    places = [words.rpartition("tides of ")[2].partition('"')[0] for words, _ in searches]
    assert places == ["Esbjerg", "Husum", "Dover"]
    assert [SEARCH in tools for _, tools in searches] == [True, False, False]
    with_key.run("stop")
    log = list(AuditReader(session.audit_log).poll())
    decided = [record.decision for record in log if record.kind == "escalation.decided"]
    assert decided == [Decision.ALLOW, Decision.DENY]


def decide(terminal: Tmux, *, approve: bool) -> None:
    """Answer the question that comes up, by keys."""
    terminal.wait_for("◆ waiting")
    terminal.press("F2")
    terminal.wait_for(f"tool {SEARCH}(?s:.*)All of it was on the screen")
    if approve:
        terminal.press("a")
        terminal.wait_for("Press A")
        time.sleep(2 * ARMING_SECONDS)  # before, keys do nothing
    terminal.press("A" if approve else "d")
    terminal.wait_for("Esc goes back to the session")
    back(terminal)


def back(terminal: Tmux) -> None:
    """To the session: what is typed right behind Escape would be taken for keys with Alt."""
    terminal.press("Escape")
    terminal.wait_for("─ Traffic ─")
