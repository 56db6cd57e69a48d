"""Whose idea was it? Real Claude Code pushes, and the words of the person decide, or do not."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ironcurtain_tui.events import Confidence, Decision, EscalationState, WordSource
from ironcurtain_tui.rehearsal import model as rehearsal
from ironcurtain_tui.rehearsal.conversation import Conversation, Tool
from ironcurtain_tui.rehearsal.script import Turn
from tests.e2e.conftest import Installation, wait_for_tool
from tests.e2e.person import Person
from tests.e2e.test_approvals import bare, git, records
from tests.e2e.tmux import PATIENCE, Tmux
from tests.waiting import wait_until
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]

__all__ = ["bare"]
WORDS = "push it to origin"
PUSH = 'TOOL: mcp__ironcurtain__git__git_push {"remote": "origin", "branch": "main"}'


@pytest.fixture
def obedient(monkeypatch: pytest.MonkeyPatch, offered: dict[str, Tool]) -> None:
    """A model that does as it is told in plain words."""
    original = rehearsal.next_turn

    def obey(conversation: Conversation, key_variable: str = "ANTHROPIC_API_KEY") -> Turn:
        told = replace(conversation, prompt=PUSH) if WORDS in conversation.prompt else conversation
        return original(told, key_variable)

    monkeypatch.setattr(rehearsal, "next_turn", obey)


def write(terminal: Tmux, text: str) -> None:
    """Say ``text`` to the agent on the trusted line."""
    terminal.press("C-a", "i")
    terminal.wait_for("Your words to the agent")
    terminal.type(text)
    terminal.wait_for(text)
    terminal.press("Enter")


@pytest.mark.usefixtures("obedient")
def test_the_persons_words_are_told_from_the_agents(
    with_key: Installation, bare: Path, terminal: Tmux, offered: dict[str, Tool]
) -> None:
    with (with_key.home / "config.toml").open("a") as config:
        config.write('\n[auto_approve]\nmode = "rules"\n')
    with_key.open(terminal, "run", "--workspace", str(with_key.workspace))
    terminal.wait_for("bypass permissions on")
    (session,) = with_key.sessions()
    person = Person(session)
    pushed = git(bare, "rev-parse", "main")
    wait_for_tool(terminal, offered, "git_push")

    # Typed to the agent: the card tells the words, worked out from the keys; they approve nothing.
    terminal.submit(WORDS)
    keeper = person.sees(lambda keeper: bool(keeper.pending))
    asked = next(iter(keeper.pending.values()))
    assert asked.words is not None
    assert (asked.words.text, asked.words.source) == (WORDS, WordSource.KEYSTROKES)
    assert asked.words.confidence is Confidence.EXACT
    terminal.press("F2")
    screen = terminal.wait_for(r"You asked, \d+ s before")
    assert f"(told from the keys you typed to the agent): “{WORDS}”" in screen
    terminal.press("F2")
    wait_until(session.user_context.exists, PATIENCE)
    context = json.loads(session.user_context.read_text())
    assert (context["userMessage"], context["source"], context["confidence"]) == (WORDS, "keystrokes", "exact")
    assert stat.S_IMODE(session.user_context.stat().st_mode) == 0o600
    person.answers(asked, approve=False, sentence="not like this")
    person.sees(lambda keeper: not keeper.pending)
    terminal.wait_for("not like this")

    # Said on the trusted line, but with more to it than the deed: shown, and left to the person.
    write(terminal, f"{WORDS} and tell Anna")
    keeper = person.sees(lambda keeper: bool(keeper.pending))
    again = next(iter(keeper.pending.values()))
    assert again.words is not None
    assert (again.words.text, again.words.source) == (f"{WORDS} and tell Anna", WordSource.TRUSTED_LINE)
    person.sees(lambda keeper: any(line.kind == "auto-approver" for line in keeper.audit))
    person.answers(again, approve=False)
    person.sees(lambda keeper: not keeper.pending)
    assert git(bare, "rev-parse", "main") == pushed

    # Just the deed, in fresh words: approved, and the log says why.
    write(terminal, WORDS)
    person.sees(lambda keeper: any(line.kind == "tool.end" for line in keeper.audit))
    assert git(bare, "rev-parse", "main") == git(with_key.workspace, "rev-parse", "main") != pushed
    over = person.sees(lambda keeper: len(keeper.decided) >= 3).decided[-1]
    assert over.state is EscalationState.APPROVED
    assert f"approved by the auto-approver, because you wrote “{WORDS}”" in over.note
    person.leave()

    log = records(session)
    assert [record.data["text"] for record in log if record.kind == "person.said"] == [f"{WORDS} and tell Anna", WORDS]
    thoughts = [record for record in log if record.kind == "auto-approver"]
    assert [record.data["approve"] for record in thoughts] == [False, False, True]
    assert "trusted line" in str(thoughts[0].data["reason"])
    assert "the words also say tell" in str(thoughts[1].data["reason"])
    assert thoughts[2].data["asked"] == {"tool": "git.git_push", "resources": ["origin"]}
    decided = [record.decision for record in log if record.kind == "escalation.decided"]
    assert decided == [Decision.DENY, Decision.DENY, Decision.ALLOW]
    assert verify_file(session.audit_log, session.session_id).ok
