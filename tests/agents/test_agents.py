"""Adapters: what starts an agent without a question, and without a secret in the wrong place."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from ironcurtain_tui.agents import AGENTS, AgentAdapter, AgentContext, AgentLaunch, agent
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import resource

SENTINEL = "sk-ant-api03-ironcurtain-0123456789abcdefghijklmnopqrstuv"
CONTEXT = AgentContext("0123456789ab", {"anthropic": SENTINEL}, allowed_hosts=("api.anthropic.com",))


def seeded(launch: AgentLaunch, name: str) -> dict[str, object]:
    value = json.loads(launch.seed[name])
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("adapter", AGENTS.values(), ids=AGENTS.keys())
def test_every_adapter_is_found_built_and_tidy(adapter: AgentAdapter) -> None:
    assert agent(adapter.name) is adapter
    assert (resource("images") / adapter.image / "Dockerfile").is_file()
    launch = adapter.prepare(CONTEXT)
    for name in launch.seed:
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert ".." not in path.parts
    assert launch.env["ANTHROPIC_API_KEY"] == SENTINEL
    assert not any(SENTINEL in argument for argument in launch.command)


@pytest.mark.parametrize("name", ["claude", "Claude-Code", "claude_code", "claudecode"])
def test_a_wrong_name_gets_a_guess(name: str) -> None:
    with pytest.raises(UserFacingError, match=r"Did you mean claude-code\?") as raised:
        agent(name)
    assert raised.value.remedy == "Choose one of: claude-code, shell."


def test_an_unheard_name_gets_the_list() -> None:
    with pytest.raises(UserFacingError) as raised:
        agent("x")
    assert "Did you mean" not in raised.value.message
    assert "claude-code, shell" in raised.value.remedy


def test_claude_code_is_answered_all_it_would_ask() -> None:
    launch = agent("claude-code").prepare(CONTEXT)
    state = seeded(launch, ".claude.json")
    assert state["hasCompletedOnboarding"] is True
    assert state["projects"] == {
        "/workspace": {"allowedTools": [], "hasTrustDialogAccepted": True, "hasCompletedProjectOnboarding": True}
    }
    assert state["customApiKeyResponses"] == {"approved": [SENTINEL[-20:]], "rejected": []}
    settings = seeded(launch, ".claude/settings.json")
    assert settings["skipDangerousModePermissionPrompt"] is True
    assert settings["disableAutoMode"] == "disable"


def test_claude_code_speaks_to_the_gateway_and_to_no_other_server() -> None:
    launch = agent("claude-code").prepare(CONTEXT)
    file = launch.command[launch.command.index("--mcp-config") + 1]
    assert "--strict-mcp-config" in launch.command
    assert seeded(launch, file.removeprefix("/home/agent/")) == {
        "mcpServers": {"ironcurtain": {"command": "socat", "args": ["STDIO", "UNIX-CONNECT:/run/ironcurtain/mcp.sock"]}}
    }


def test_claude_code_is_told_where_it_is() -> None:
    command = agent("claude-code").prepare(CONTEXT).command
    told = command[command.index("--append-system-prompt") + 1]
    for matter in ("/workspace", "api.anthropic.com", "403", "no DNS", "ironcurtain__where_am_i"):
        assert matter in told


def test_model_and_root_change_the_launch() -> None:
    plain = agent("claude-code").prepare(CONTEXT)
    assert "--model" not in plain.command
    assert "IS_SANDBOX" not in plain.env
    context = AgentContext("0123456789ab", CONTEXT.sentinels, model="anthropic:claude-opus-5-5", runs_as_root=True)
    other = agent("claude-code").prepare(context)
    assert other.command[-2:] == ("--model", "claude-opus-5-5")
    assert other.env["IS_SANDBOX"] == "1"


def test_claude_code_without_its_provider_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        agent("claude-code").prepare(AgentContext("0123456789ab", {}))


def test_the_shell_greets_with_what_holds_and_runs_nothing_of_it(tmp_path: Path) -> None:
    hostile = "$(touch pwned).example"
    launch = agent("shell").prepare(AgentContext("0123456789ab", {}, allowed_hosts=("api.anthropic.com", hostile)))
    assert "ANTHROPIC_API_KEY" not in launch.env
    for name, file in launch.seed.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.replace(b"/home/agent", bytes(tmp_path)))
    result = subprocess.run(
        [*launch.command, "-c", "echo PS1=$PS1"],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert "in a container without a network" in result.stdout
    assert hostile in result.stdout
    assert "ironcurtain:" in result.stdout
    assert not (tmp_path / "pwned").exists()


def test_claude_code_names_its_conversation_and_takes_it_up_by_that_name() -> None:
    conversation = "8e0f4d5a-2c60-4a44-9d5e-3d3f2b8f0b11"
    adapter = agent("claude-code")
    new = adapter.prepare(replace(CONTEXT, conversation=conversation)).command
    assert new[new.index("--session-id") + 1] == conversation
    again = adapter.prepare(replace(CONTEXT, conversation=conversation, resumes=True)).command
    assert again[again.index("--resume") + 1] == conversation
    assert "--session-id" not in again
    assert adapter.remembers([f".claude/projects/-workspace/{conversation}.jsonl"], conversation)
    assert not adapter.remembers([".claude/projects/-workspace/other.jsonl"], conversation)


@pytest.mark.parametrize("adapter", AGENTS.values(), ids=AGENTS.keys())
def test_what_is_kept_lies_in_the_home_and_holds_no_seeded_file(adapter: AgentAdapter) -> None:
    seeds = [PurePosixPath(name) for name in adapter.prepare(CONTEXT).seed]
    for place in map(PurePosixPath, adapter.state):
        assert not place.is_absolute()
        assert ".." not in place.parts
        assert not any(place in (seed, *seed.parents) or seed in place.parents for seed in seeds)
