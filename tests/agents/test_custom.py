"""Agents of the user's own: what the settings say is what is started, and what makes no sense is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ironcurtain_tui import config
from ironcurtain_tui.agents import AgentContext, agent
from ironcurtain_tui.errors import UserFacingError

WRITTEN = """
[agents.mine]
title = "My agent"
command = ["my-agent", "--mcp", "${mcp}", "--home", "${HOME}", "--model=${model}"]
task = ["my-agent", "--once"]
dockerfile = "~/my-agent"
providers = ["openai", "anthropic"]
env = { MY_KEY = "${sentinel:openai}", OTHER_KEY = "${sentinel:anthropic}", MY_URL = "${base_url:openai}" }

[agents.mine.files]
".my-agent/config.json" = '{"command": ${mcp_command}, "args": ${mcp_args}}'
".my-agent/MEMORY.md" = "${orientation}"
"""
CONTEXT = AgentContext("0123456789ab", {"openai": "sk-ironcurtain-0123"}, model="m-1", allowed_hosts=("x.example",))


def load(tmp_path: Path, text: str) -> config.Config:
    (tmp_path / "config.toml").write_text(text)
    return config.load(tmp_path / "config.toml")


def test_it_is_started_as_the_settings_say(tmp_path: Path) -> None:
    adapter = agent("mine", load(tmp_path, WRITTEN).agents)
    assert (adapter.name, adapter.title, adapter.providers) == ("mine", "My agent", ("openai", "anthropic"))
    launch = adapter.prepare(CONTEXT)
    bridge = json.dumps(list(CONTEXT.mcp_bridge))
    assert launch.command == ("my-agent", "--mcp", bridge, "--home", "${HOME}", "--model=m-1")
    key, url = "sk-ironcurtain-0123", "https://api.openai.com/v1"
    assert launch.env == {"MY_KEY": key, "OTHER_KEY": "", "MY_URL": url}
    settings = json.loads(launch.seed[".my-agent/config.json"])
    assert [settings["command"], *settings["args"]] == list(CONTEXT.mcp_bridge)
    assert b"x.example" in launch.seed[".my-agent/MEMORY.md"]
    task = adapter.task(CONTEXT, "do it")
    assert task is not None
    assert (task.command, task.stdin) == (("my-agent", "--once"), "do it")


def test_what_is_filled_in_is_not_filled_in_again(tmp_path: Path) -> None:
    text = '[agents.mine]\ncommand = ["x", "${model}"]\nproviders = ["openai"]\n'
    context = AgentContext("0123456789ab", CONTEXT.sentinels, model="${sentinel:openai}")
    assert agent("mine", load(tmp_path, text).agents).prepare(context).command == ("x", "${sentinel:openai}")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('env = { K = "${sentinel:openai}" }', r"needs openai among its providers"),
        ('env = { K = "${secret:openai}" }', r"nothing stands for \$\{secret:openai\}"),
        ('providers = ["nobody"]', r"no provider called 'nobody'"),
        ('files = { "../x" = "" }', r"files must lie in its home"),
        ('files = { "/etc/x" = "" }', r"files must lie in its home"),
        ('image = "a"\ndockerfile = "b"', r"cannot both be set"),
        ('comand = ["x"]', r"unknown setting `comand`"),
    ],
)
def test_a_mistake_is_told(tmp_path: Path, line: str, says: str) -> None:
    with pytest.raises(UserFacingError, match=says):
        agent("mine", load(tmp_path, f'[agents.mine]\ncommand = ["x"]\n{line}\n').agents)


def test_its_name_is_plain(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="no name for an agent"):
        agent("my agent", load(tmp_path, '[agents."my agent"]\ncommand = ["x"]\n').agents)


def test_one_that_does_no_tasks_says_so(tmp_path: Path) -> None:
    adapter = agent("mine", load(tmp_path, '[agents.mine]\ncommand = ["x"]\n').agents)
    assert adapter.task(CONTEXT, "do it") is None


def test_it_is_offered_beside_ours(tmp_path: Path) -> None:
    own = load(tmp_path, '[agents.mine]\ncommand = ["x"]\n').agents
    with pytest.raises(UserFacingError, match=r"Did you mean mine\?") as raised:
        agent("min", own)
    assert raised.value.remedy.endswith("shell, mine.")
