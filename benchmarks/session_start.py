"""From the command to the agent's prompt, against ``docker run`` of the same image with the same agent."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import statistics
import subprocess
import time

import msgspec

from benchmarks.pty import COLS, LINES, SECONDS, program
from benchmarks.session import Installation, installation
from benchmarks.table import Comparison
from ironcurtain_tui.containers.images import tag_of
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import ScreenUpdate, decode_row

ROUNDS = 3
DOCKER, OURS, OURS_TCP = "docker run", "ours", "ours, TCP mode"
MODES = ((OURS, "uds"), (OURS_TCP, "tcp"))
AGENTS = (
    ("shell", ("bash", "-i"), "agent@"),
    ("claude-code", ("claude",), "Claude"),
)
"""Agent, its command in the container, and what the screen says once it is there."""
STEP = re.compile(r"✓ (.+?)\s+(\d+) ms")


def docker_run(agent: str, command: tuple[str, ...], mark: str) -> float:
    """Seconds until the agent shows itself in a container without anything of ours around it."""
    docker = shutil.which("docker")
    if docker is None:
        raise RuntimeError("the docker command is needed for comparison and not installed")
    name = f"ic-bench-{os.getpid()}"
    options = ["--rm", "-it", "--name", name, "--network", "none", "--env", "ANTHROPIC_API_KEY=none"]
    began = time.perf_counter()
    try:
        with program([docker, "run", *options, "--entrypoint", command[0], tag_of(agent), *command[1:]]) as terminal:
            terminal.read_until(mark)
            return time.perf_counter() - began
    finally:
        subprocess.run([docker, "rm", "--force", name], check=False, capture_output=True)


async def _shown(made: Installation, mark: str) -> None:
    client = await ControlClient.connect(made.session().control_socket, cols=COLS, lines=LINES)
    async with asyncio.timeout(SECONDS):
        async for message in client:
            if isinstance(message, ScreenUpdate) and any(mark in _text(row) for row in message.rows.values()):
                break
    await client.close()


def _text(row: msgspec.Raw) -> str:
    return "".join(run.text for run in decode_row(row))


def our_start(mode: str, agent: str, mark: str) -> tuple[float, str]:
    """Seconds until the agent shows itself in a session of ours, and the steps as the command printed them."""
    with installation() as made:
        made.home.mkdir(exist_ok=True)
        (made.home / "config.toml").write_text(f'[network]\nmode = "{mode}"\n')
        began = time.perf_counter()
        printed = made.start(agent)
        asyncio.run(_shown(made, "ironcurtain:" if agent == "shell" else mark))
        return time.perf_counter() - began, printed


def run() -> list[Comparison]:
    """All in turn, several rounds; medians."""
    table = Comparison(
        "Session start, s",
        (DOCKER, OURS, OURS_TCP),
        ((OURS, DOCKER), (OURS_TCP, DOCKER)),
        f"Until the agent's first words are on the screen; median of {ROUNDS} turns. Ours includes the checks before, "
        f"proxy, gateway, screen, and the self-test of the sealed container; steps overlap.",
    )
    with installation() as made:
        made.command("image", "build", "sidecar", *(agent for agent, _, _ in AGENTS))
    steps: dict[str, dict[str, list[float]]] = {}
    for agent, command, mark in AGENTS:
        took: dict[str, list[float]] = {DOCKER: [], OURS: [], OURS_TCP: []}
        for _ in range(ROUNDS):
            took[DOCKER].append(docker_run(agent, command, mark))
            for column, mode in MODES:
                seconds, printed = our_start(mode, agent, mark)
                took[column].append(seconds)
                for name, milliseconds in STEP.findall(printed):
                    steps.setdefault(name, {}).setdefault(column, []).append(int(milliseconds) / 1000)
        table.add(agent, {column: statistics.median(each) for column, each in took.items()})
    for name, measured in steps.items():
        table.add(f"of it: {name}", {column: statistics.median(each) for column, each in measured.items()})
    return [table]
