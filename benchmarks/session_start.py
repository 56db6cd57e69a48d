"""From the command to a prompt one can type at, against ``docker run`` of the same image with the same agent, set up
alike: same arguments, variables and files, and a server that has nothing (404) in the place of the provider's."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.pty import program
from benchmarks.session import COMMAND, Installation, installation
from benchmarks.table import Comparison
from ironcurtain_tui.agents import agent
from ironcurtain_tui.agents.base import AgentContext
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import tag_of
from ironcurtain_tui.containers.network import door_address

ROUNDS = 3
DOCKER, OURS, OURS_TCP = "docker run", "ours", "ours, TCP mode"
MODES = ((OURS, "uds"), (OURS_TCP, "tcp"))
AGENTS = (("shell", "ironcurtain:"), ("claude-code", "bypass permissions on"))
"""Agent, and what the screen says once one can type."""
STEP = re.compile(r"✓ (.+?)\s+(\d+) ms")


@contextmanager
def nothing_there() -> Iterator[str]:
    """A server on the engine's default bridge that answers 404: without any, the agent tries for 17 s."""
    server = ThreadingHTTPServer((door_address(Engine.connect(), sys.platform), 0), _Nothing)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        yield f"http://{server.server_address[0]}:{server.server_port}"
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


class _Nothing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    do_POST = do_HEAD = do_GET  # noqa: N815 (the names http.server looks for)

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Not on the terminal."""


def docker_run(name: str, mark: str) -> float:
    """Seconds until the agent shows its prompt in a container without anything of ours around it."""
    docker = shutil.which("docker")
    if docker is None:
        raise RuntimeError("the docker command is needed for comparison and not installed")
    launch = agent(name).prepare(AgentContext(session_id="0" * 12, sentinels={"anthropic": "none"}))
    container = f"ic-bench-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as seed, nothing_there() as address:
        Path(seed).chmod(0o755)
        for path, content in launch.seed.items():
            Path(seed, path).parent.mkdir(parents=True, exist_ok=True)
            Path(seed, path).write_bytes(content)
        # With that mode the entry point opens no way to a proxy.
        environment = {**launch.env, "IRONCURTAIN_NETWORK_MODE": "tcp", "ANTHROPIC_BASE_URL": address}
        variables = [word for pair in environment.items() for word in ("--env", "=".join(pair))]
        options = ["--rm", "-it", "--name", container, "-v", f"{seed}:/run/ironcurtain/seed:ro"]
        began = time.perf_counter()
        try:
            with program([docker, "run", *options, *variables, tag_of(name), *launch.command]) as terminal:
                terminal.show(mark)
                return time.perf_counter() - began
        finally:
            subprocess.run([docker, "rm", "--force", container], check=False, capture_output=True)


@contextmanager
def _installation(mode: str) -> Iterator[Installation]:
    with installation(spares=True) as made:
        made.home.mkdir(exist_ok=True)
        (made.home / "config.toml").write_text(f'[network]\nmode = "{mode}"\n')
        yield made


def our_start(mode: str, name: str, mark: str) -> float:
    """Seconds until the agent shows its prompt on our screen, as a person sees it."""
    with _installation(mode) as made:
        command = [*COMMAND, "run", "--agent", name, "--workspace", str(made.workspace)]
        began = time.perf_counter()
        with program(command, {**made.environment, "ANTHROPIC_API_KEY": ""}) as terminal:
            terminal.show(mark)
            return time.perf_counter() - began


def our_steps(mode: str, name: str) -> dict[str, float]:
    """Seconds that each step of a start takes."""
    with _installation(mode) as made:
        return {step: int(milliseconds) / 1000 for step, milliseconds in STEP.findall(made.start(name))}


def run() -> list[Comparison]:
    """All in turn, several rounds; medians."""
    table = Comparison(
        "Session start, s",
        (DOCKER, OURS, OURS_TCP),
        ((OURS, DOCKER), (OURS_TCP, DOCKER)),
        f"Until the agent's prompt is on the screen; median of {ROUNDS} turns. Ours includes the checks before, the "
        f"proxy, the screen, and the self-test of the sealed container; steps overlap, and the last ones come after.",
    )
    with installation(spares=True) as made:
        made.command("image", "build", "sidecar", *(name for name, _ in AGENTS))
    steps: dict[str, dict[str, list[float]]] = {}
    for name, mark in AGENTS:
        took: dict[str, list[float]] = {DOCKER: [], OURS: [], OURS_TCP: []}
        for _ in range(ROUNDS):
            took[DOCKER].append(docker_run(name, mark))
            for column, mode in MODES:
                took[column].append(our_start(mode, name, mark))
                for step, seconds in our_steps(mode, name).items():
                    steps.setdefault(step, {}).setdefault(column, []).append(seconds)
        table.add(name, {column: statistics.median(each) for column, each in took.items()})
    for step, measured in steps.items():
        table.add(f"of it: {step}", {column: statistics.median(each) for column, each in measured.items()})
    return [table]
