"""Adapters: what starts an agent without a question, and without a secret in the wrong place."""

import json
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from ironcurtain_tui.agents import AGENTS, AgentAdapter, AgentContext, AgentLaunch, agent
from ironcurtain_tui.agents.base import HELD_SECONDS, MCP_BRIDGE
from ironcurtain_tui.commands.arguments import WHO
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.paths import resource
from ironcurtain_tui.providers import PROVIDERS

SENTINEL = "sk-ant-api03-ironcurtain-0123456789abcdefghijklmnopqrstuv"
SENTINELS = {name: f"{provider.key_prefix}0123456789abcdefghijklmnopqrstuv" for name, provider in PROVIDERS.items()}
CONTEXT = AgentContext("0123456789ab", SENTINELS, allowed_hosts=("api.anthropic.com",))
BRIDGES = (
    MCP_BRIDGE,
    ("sh", "-c", "cat /run/ironcurtain/token - | exec socat -t 60 STDIO TCP:host.docker.internal:4321"),
)
CONVERSATION = "8e0f4d5a-2c60-4a44-9d5e-3d3f2b8f0b11"
WORKERS = [adapter for adapter in AGENTS.values() if adapter.providers]
"""All but the shell."""


def names(adapter: AgentAdapter) -> str:
    return adapter.name


def own(adapter: AgentAdapter) -> AgentContext:
    """A session of this agent, with every provider it can use."""
    usable = adapter.providers or SENTINELS
    return replace(CONTEXT, sentinels={name: SENTINELS[name] for name in usable})


def seeded(launch: AgentLaunch, name: str) -> dict[str, object]:
    value = json.loads(launch.seed[name])
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize("adapter", AGENTS.values(), ids=AGENTS.keys())
def test_every_adapter_is_found_built_and_tidy(adapter: AgentAdapter) -> None:
    assert agent(adapter.name) is adapter
    assert (resource("images") / adapter.image / "Dockerfile").is_file()
    context = own(adapter)
    launch = adapter.prepare(context)
    for name in launch.seed:
        path = PurePosixPath(name)
        assert not path.is_absolute()
        assert ".." not in path.parts
    first = next(iter(context.sentinels.values()))
    assert first in launch.env.values()
    assert not any(key in argument for argument in launch.command for key in SENTINELS.values())


@pytest.mark.parametrize(
    ("adapter", "provider"), [(adapter, name) for adapter in WORKERS for name in adapter.providers], ids=str
)
def test_one_key_is_enough(adapter: AgentAdapter, provider: str) -> None:
    env = adapter.prepare(replace(CONTEXT, sentinels={provider: SENTINELS[provider]})).env
    assert SENTINELS[provider] in env.values()


@pytest.mark.parametrize("adapter", WORKERS, ids=names)
@pytest.mark.parametrize("bridge", BRIDGES, ids=["socket", "port"])
def test_every_agent_is_led_to_the_gateway_and_told_where_it_is(adapter: AgentAdapter, bridge: tuple[str, ...]) -> None:
    launch = adapter.prepare(replace(own(adapter), mcp_bridge=bridge))
    settings = [parsed(name, content) for name, content in launch.seed.items()]
    assert any(strings(each).issuperset(bridge) for each in settings)
    told = [*launch.command, *(content.decode() for content in launch.seed.values())]
    for matter in ("/workspace", "api.anthropic.com", "403", "no DNS", "ironcurtain__where_am_i"):
        assert any(matter in each for each in told)


def parsed(name: str, content: bytes) -> object:
    """A file's content; Goose's YAML is JSON."""
    if name.endswith((".json", ".yaml")):
        return json.loads(content)
    return tomllib.loads(content.decode()) if name.endswith(".toml") else {}


def strings(value: object) -> set[str]:
    """Every text in ``value``."""
    if isinstance(value, dict):
        value = list(value.values())
    return (
        {value} if isinstance(value, str) else set().union(*map(strings, value)) if isinstance(value, list) else set()
    )


@pytest.mark.parametrize("adapter", WORKERS, ids=names)
def test_a_model_is_chosen_by_name_with_or_without_its_provider(adapter: AgentAdapter) -> None:
    provider = adapter.providers[0]
    for written in ("some-model-7", f"{provider}:some-model-7"):
        launch = adapter.prepare(replace(own(adapter), model=written))
        given = {*launch.command, *launch.env.values()}.union(*(strings(parsed(*each)) for each in launch.seed.items()))
        assert given & {"some-model-7", f"{provider}/some-model-7"}
        assert f"{provider}:some-model-7" not in given


def test_the_model_names_the_provider() -> None:
    launch = agent("goose").prepare(replace(own(agent("goose")), model="openrouter:some/model:free"))
    assert (launch.env["GOOSE_PROVIDER"], launch.env["GOOSE_MODEL"]) == ("openrouter", "some/model:free")
    with pytest.raises(UserFacingError, match="one of Anthropic, which this agent has no key for"):
        agent("codex").prepare(replace(own(agent("codex")), model="anthropic:claude-x"))


@pytest.mark.parametrize("adapter", WORKERS, ids=names)
def test_a_task_is_done_without_a_screen_and_is_not_an_argument(adapter: AgentAdapter) -> None:
    prompt = "--version; $(touch pwned)"
    context = replace(own(adapter), conversation=CONVERSATION)
    task = adapter.task(context, prompt)
    assert task is not None
    assert task.stdin == prompt
    assert prompt not in task.command
    assert task.command[0] == adapter.prepare(context).command[0]
    again = adapter.task(replace(context, resumes=True), prompt)
    assert again is not None
    assert again.command != task.command or adapter.name == "copilot", "it takes the conversation up"


@pytest.mark.parametrize("adapter", WORKERS, ids=names)
def test_what_was_kept_of_a_conversation_is_known(adapter: AgentAdapter) -> None:
    assert adapter.state
    kept = {
        "claude-code": f".claude/projects/-workspace/{CONVERSATION}.jsonl",
        "codex": ".codex/sessions/2026/11/21/rollout-2026-11-21T22-36-38-01a2.jsonl",
        "opencode": ".local/share/opencode/opencode.db",
        "gemini-cli": ".gemini/tmp/workspace/chats/session-2026-11-21T22-36-384949b5.jsonl",
        "qwen-code": f".qwen/projects/-workspace/chats/{CONVERSATION}.jsonl",
        "goose": ".local/share/goose/sessions/sessions.db",
        "copilot": f".copilot/session-state/{CONVERSATION}/events.jsonl",
    }[adapter.name]
    assert any(kept.startswith(f"{place}/") for place in adapter.state)
    assert adapter.remembers([kept], CONVERSATION)
    assert not adapter.remembers([], CONVERSATION)


@pytest.mark.parametrize("name", ["claude-code", "gemini-cli", "qwen-code"])
def test_those_that_would_not_wait_for_a_held_model_call_are_told_to(name: str) -> None:
    """By themselves they give up after three, one and two minutes, and ask again."""
    launch = agent(name).prepare(own(agent(name)))
    told = [*launch.env.values(), *(content.decode() for content in launch.seed.values())]
    assert any(str(HELD_SECONDS) in each for each in told)


def test_the_command_line_names_them_all() -> None:
    assert ", ".join(AGENTS) == WHO


@pytest.mark.parametrize("name", ["claude", "Claude-Code", "claude_code", "claudecode"])
def test_a_wrong_name_gets_a_guess(name: str) -> None:
    with pytest.raises(UserFacingError, match=r"Did you mean claude-code\?") as raised:
        agent(name)
    assert raised.value.remedy.startswith("Choose one of: claude-code, codex, ")
    assert raised.value.remedy.endswith(", shell.")


def test_an_unheard_name_gets_the_list() -> None:
    with pytest.raises(UserFacingError) as raised:
        agent("x")
    assert "Did you mean" not in raised.value.message
    assert "claude-code" in raised.value.remedy


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
        timeout=100,
    )
    assert "in a container without a network" in result.stdout
    assert hostile in result.stdout
    assert "ironcurtain:" in result.stdout
    assert not (tmp_path / "pwned").exists()


def test_claude_code_names_its_conversation_and_takes_it_up_by_that_name() -> None:
    conversation = CONVERSATION
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
    seeds = [PurePosixPath(name) for name in adapter.prepare(own(adapter)).seed]
    for place in map(PurePosixPath, adapter.state):
        assert not place.is_absolute()
        assert ".." not in place.parts
        assert not any(place in (seed, *seed.parents) or seed in place.parents for seed in seeds)


def test_a_gateway_is_found_where_agents_look_for_it() -> None:
    urls = {"anthropic": "https://llm.corp.example/claude", "openai": "https://llm.corp.example/v1"}
    context = AgentContext("0123456789ab", CONTEXT.sentinels, base_urls=urls)
    claude, shell = agent("claude-code").prepare(context).env, agent("shell").prepare(context).env
    assert claude["ANTHROPIC_BASE_URL"] == shell["ANTHROPIC_BASE_URL"] == urls["anthropic"]
    assert shell["OPENAI_BASE_URL"] == urls["openai"]
    assert "ANTHROPIC_BASE_URL" not in agent("claude-code").prepare(CONTEXT).env
