"""Every agent, really: typed to in its own screen, it asks the model, runs a command and calls a tool of the gateway.

Claude Code's turns are in test_turn.py and test_tcp_mode.py.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from ironcurtain_tui.agents import AGENTS
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image, own_tag
from ironcurtain_tui.events import Decision
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.rehearsal.conversation import Tool
from ironcurtain_tui.rehearsal.dialects import DIALECTS
from ironcurtain_tui.rehearsal.wire import Asked
from tests.e2e.conftest import CANARY, Installation, container_of, keyed, wait_for_tool
from tests.e2e.search import assert_no_key_in_files, assert_no_key_in_memory
from tests.e2e.tmux import Tmux
from tests.whole_log import verify_file

pytestmark = [pytest.mark.engine, pytest.mark.timeout(900)]

SELF_TEST = ".self-test.invalid"


@dataclass(frozen=True)
class Look:
    """What an agent shows when it can be typed to. None of it is on the screen while it asks for something first."""

    ready: str
    unwanted: frozenset[str] = frozenset()
    """Hosts it asks for at its start, in vain and unasked about."""


LOOKS = {
    "codex": Look(r"default · /workspace", frozenset({"raw.githubusercontent.com"})),
    "opencode": Look(r"Ask anything"),
    "gemini-cli": Look(r"YOLO Ctrl\+Y(?s:.*)1 MCP server(?s:.*)Type your message"),
    "qwen-code": Look(r"Type your message(?s:.*)YOLO mode"),
    "goose": Look(r"goose is ready(?s:.*)0% 0/"),
    "copilot": Look(r"/workspace"),
}
assert set(LOOKS) == {name for name, adapter in AGENTS.items() if adapter.providers} - {"claude-code"}


@pytest.fixture(scope="module", autouse=True)
def _images(engine: Engine) -> None:
    for name in LOOKS:
        ensure_image(engine, AGENTS[name].image, lambda _: None)


@pytest.mark.parametrize("mode", ["uds", "tcp"])
@pytest.mark.parametrize("name", LOOKS)
def test_a_turn_with_a_command_and_a_tool(
    engine: Engine, installation: Installation, terminal: Tmux, offered: dict[str, Tool], name: str, mode: str
) -> None:
    look, provider = LOOKS[name], PROVIDERS[AGENTS[name].providers[0]]
    with keyed(installation, provider.name):
        in_mode(installation, mode)
        installation.open(terminal, "run", "--workspace", str(installation.workspace), "--agent", name)
        terminal.wait_for(look.ready)
        assert "REHEARSAL" not in terminal.wait_for("no-egress")

        terminal.submit("RUN: echo made-by-agent > proof.txt; cat proof.txt")
        terminal.wait_for(r"result:(?s:.*)made-by-agent")
        assert (installation.workspace / "proof.txt").read_text() == "made-by-agent\n"
        wait_for_tool(terminal, offered, "ironcurtain__where_am_i")
        terminal.submit("TOOL: ironcurtain__where_am_i {}")
        terminal.wait_for(r"where_am_i(?s:.*)(?i:result:)")
        screen = terminal.wait_for(r"You run under IronCurtain")
        assert "Nothing waits for you" in screen
        assert "○ idle" in terminal.wait_for(r"○ idle")

        (session,) = installation.sessions()
        container = container_of(engine, session)
        environment = container.exec(["env"])[1].decode()
        sentinel = next(line.partition("=")[2] for line in environment.splitlines() if provider.key_prefix in line)
        assert_no_key_in_files(container, sentinel)
        if mode == "uds":  # it is the same program with the same files
            assert_no_key_in_memory(engine, container, sentinel)

        installation.run("stop")
    assert verify_file(session.audit_log, session.session_id).ok
    records = [json.loads(line) for line in session.audit_log.read_text().splitlines()]
    (started,) = [record["data"]["info"] for record in records if record["kind"] == "session.start"]
    assert started["network_mode"] == mode
    hosts = {record["data"]["action"]["host"] for record in records if record["kind"] in {"tunnel", "request"}}
    asked = {host for host in hosts - look.unwanted if not host.endswith(SELF_TEST)}
    assert asked == {provider.hosts[0].name}, "it asks for nothing else at its start"
    called = [record for record in records if record["kind"] == "tool"]
    assert [record["data"]["action"]["tool"] for record in called] == ["where_am_i"]
    requests = [record for record in records if record["kind"] == "request" and record["decision"] == Decision.ALLOW]
    assert len(requests) >= 4, "two turns of at least two requests"
    for path in session.kept.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        assert CANARY.encode() not in content, f"the real key is in {path.name}"


def in_mode(installation: Installation, mode: str) -> None:
    """Have the sessions of ``installation`` reach out in ``mode``."""
    with (installation.home / "config.toml").open("a") as settings:
        settings.write(f'\n[network]\nmode = "{mode}"\n')


@pytest.mark.parametrize("name", LOOKS)
def test_a_task_and_another_that_goes_on_with_it(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    asked = heard(monkeypatch)
    with keyed(installation, AGENTS[name].providers[0]):
        first = installation.run("task", "--agent", name, "SAY: the word is heron-42")
        assert "heron-42" in first.stdout
        asked.clear()
        second = installation.run("task", "--continue", "--agent", name, "SAY: and on it goes")
        assert "and on it goes" in second.stdout
    assert any("heron-42" in each and "and on it goes" in each for each in asked), (
        "the model hears what was said before"
    )


def heard(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every question that the model of this test is asked from now on."""
    asked: list[str] = []
    for kind in map(type, DIALECTS):

        def remember(self: Any, path: str, body: bytes, original: Callable[..., Asked] = kind.read) -> Asked:
            asked.append(body.decode())
            return original(self, path, body)

        monkeypatch.setattr(kind, "read", remember)
    return asked


OWN = """
[agents.mine]
title = "My agent"
command = ["my-agent"]
task = ["my-agent"]
dockerfile = "{folder}"
providers = ["openai"]
env = {{ MY_KEY = "${{sentinel:openai}}", MY_URL = "${{base_url:openai}}" }}
files = {{ ".my-agent/mcp" = "${{mcp}}" }}
"""
PROGRAM = """#!/usr/bin/python3
import json, os, subprocess, sys, urllib.request
question = {"model": "m", "messages": [{"role": "user", "content": "SAY: " + sys.stdin.readline().strip()}]}
headers = {"Authorization": "Bearer " + os.environ["MY_KEY"], "Content-Type": "application/json"}
url = os.environ["MY_URL"] + "/chat/completions"
asked = urllib.request.Request(url, json.dumps(question).encode(), headers)
print(json.load(urllib.request.urlopen(asked))["choices"][0]["message"]["content"])
bridge = json.load(open(os.path.expanduser("~/.my-agent/mcp")))
hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "mine", "version": "1"}}
server = subprocess.Popen(bridge, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}), file=server.stdin, flush=True)
print("gateway:", json.loads(server.stdout.readline())["result"]["serverInfo"]["name"])
sys.stdin.readline()
"""


@pytest.mark.parametrize("mode", ["uds", "tcp"])
def test_an_agent_of_ones_own(engine: Engine, installation: Installation, terminal: Tmux, mode: str) -> None:
    folder = installation.home.parent / "my-agent"
    folder.mkdir()
    (folder / "my-agent").write_text(PROGRAM)
    (folder / "my-agent").chmod(0o755)
    (folder / "Dockerfile").write_text("FROM ironcurtain-base:latest\nCOPY my-agent /usr/local/bin/\n")
    with keyed(installation, "openai"):
        with (installation.home / "config.toml").open("a") as settings:
            settings.write(OWN.format(folder=folder))
        in_mode(installation, mode)
        installation.open(terminal, "run", "--workspace", str(installation.workspace), "--agent", "mine")
        terminal.wait_for("no-egress")
        terminal.submit("made-by-mine")
        terminal.wait_for(r"made-by-mine\s(?s:.*)gateway: ironcurtain")
        installation.run("stop")
        done = installation.run("task", "--agent", "mine", "made-by-task")
    assert "made-by-task" in done.stdout
    assert "Building" not in done.stderr, "its image is there"
    engine.client.remove_image(own_tag("mine"))
