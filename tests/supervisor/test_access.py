"""Which providers a session may use, by settings and environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from ironcurtain_tui import config
from ironcurtain_tui.agents.claude_code import ClaudeCode
from ironcurtain_tui.agents.copilot import Copilot
from ironcurtain_tui.agents.goose import Goose
from ironcurtain_tui.agents.opencode import OpenCode
from ironcurtain_tui.agents.shell import Shell
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import Usage
from ironcurtain_tui.providers.body import ServerTools
from ironcurtain_tui.providers.cost import cost_usd
from ironcurtain_tui.supervisor.access import Accesses

KEY = "sk-not-a-real-key-0123456789"


@pytest.fixture(autouse=True)
def no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY", "CORP_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def settings(tmp_path: Path, text: str) -> config.Config:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return config.load(path)


GATEWAY = '[providers.corp]\nkind = "anthropic"\nbase_url = "https://llm.corp.example/claude"\n'


def test_a_log_in_is_for_its_providers_own_agents(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLAUDE_CODE_OAUTH_TOKEN", "sk-ant-oat01-not-a-real-token-0123456789")
    assert Accesses.find(ClaudeCode(), config.Config(), rehearsal=False).logins == {"anthropic"}
    for stranger in (Goose(), OpenCode(), Copilot()):
        assert Accesses.find(stranger, config.Config(), rehearsal=False).rehearsal


def test_a_gateway_takes_the_place_of_its_kind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "the-key-of-the-provider-itself")
    monkeypatch.setenv("CORP_API_KEY", KEY)
    found = Accesses.find(ClaudeCode(), settings(tmp_path, GATEWAY), rehearsal=False)
    (access,) = found
    assert access.provider.name == "corp"
    assert KEY in found.secrets
    assert set(found.sentinels) == {"anthropic"}
    assert found.base_urls == {"anthropic": "https://llm.corp.example/claude"}
    assert found.hosts == ("llm.corp.example",)


def test_its_settings_are_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CORP_API_KEY", KEY)
    authority = tmp_path / "ca.pem"
    authority.write_text("PEM")
    text = GATEWAY + f'server_tools = "deny"\nprivate_network = "10.1.0.0/16"\nca = "{authority}"\n'
    (access,) = Accesses.find(Shell(), settings(tmp_path, text), rehearsal=False)
    assert access.server_tools is ServerTools.DENY
    assert access.settings.private_network == "10.1.0.0/16"
    assert access.ca_pem() == b"PEM"
    authority.unlink()
    with pytest.raises(UserFacingError, match=r"Cannot read .*ca\.pem"):
        access.ca_pem()


def test_without_gateways_there_are_no_base_urls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    found = Accesses.find(Shell(), settings(tmp_path, ""), rehearsal=False)
    assert found.base_urls == {}
    assert set(found.sentinels) == {"openai"}


def test_a_rehearsal_goes_through_no_gateway(tmp_path: Path) -> None:
    found = Accesses.find(ClaudeCode(), settings(tmp_path, GATEWAY), rehearsal=True)
    assert found.rehearsal
    assert found.base_urls == {}
    (access,) = found
    assert access.provider.prices == ""  # nobody pays
    assert cost_usd(access.provider.prices, Usage(model="claude-sonnet-4-5", input_tokens=5)) is None
    assert found.is_model_call("api.anthropic.com", "POST", "/v1/messages")
    assert not found.is_model_call("api.anthropic.com", "POST", "/v1/messages/count_tokens")
    assert not found.is_model_call("example.org", "POST", "/v1/messages")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[providers.antropic]\n", "is no provider, and has no kind"),
        (GATEWAY + '[providers.other]\nkind = "anthropic"\nbase_url = "https://b.example"\n', "both take Anthropic's"),
        ('[providers.openai]\nbase_url = "http://llm.corp.example"\n', "must be like"),
        ('[providers.openai]\nbase_url = "https://api.openai.com/v1"\n', "is OpenAI's own"),
    ],
)
def test_wrong_settings_are_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UserFacingError, match=problem):
        Accesses.find(Shell(), settings(tmp_path, text), rehearsal=False)


@pytest.mark.parametrize(
    "text",
    [
        '[providers.corp]\nkind = "openai"\n',
        '[providers.openai]\nca = "/x"\n',
        '[providers.corp]\nkind = "mistral"\nbase_url = "https://x.example"\n',
        '[providers.corp]\nkind = "openai"\nbase_url = "https://x.example"\nprivate_network = "10.0.0.1/8"\n',
        '[providers.openai]\nserver_tools = "maybe"\n',
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserFacingError, match="providers"):
        settings(tmp_path, text)
