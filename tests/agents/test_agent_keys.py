"""Without a key, a person is told which one the agent would use and where to put it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.checks.installation import session_credentials
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.providers import PROVIDERS


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for provider in PROVIDERS.values():
        monkeypatch.delenv(provider.key_variable or "NONE", raising=False)
    monkeypatch.delenv("CLAUDE_CODE_OAUTH_TOKEN", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("IRONCURTAIN_HOME", str(tmp_path / "ironcurtain"))


@pytest.mark.parametrize("name", AGENTS)
def test_what_an_agent_would_read_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    finding = session_credentials(name)
    assert finding.state is BadgeState.WARN
    wanted = [PROVIDERS[each] for each in AGENTS[name].providers or PROVIDERS]
    for provider in wanted:
        assert provider.title in finding.text
        assert provider.key_variable in finding.remedy
    monkeypatch.setenv(wanted[-1].key_variable or wanted[0].key_variable, "not-a-real-key-0123456789")
    assert session_credentials(name).state is BadgeState.OK
