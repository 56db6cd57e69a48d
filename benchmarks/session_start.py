"""From the command to a prompt one can type at, against ``docker run`` of the same image with the same agent, set up
alike: same arguments, variables and files, and a server that has nothing (404) in the place of the provider's."""

from __future__ import annotations

import compileall
import itertools
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
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.process import ROOT
from benchmarks.pty import program
from benchmarks.session import COMMAND, Installation, installation
from benchmarks.table import Comparison
from ironcurtain_tui.agents import agent
from ironcurtain_tui.agents.base import AgentContext
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import tag_of
from ironcurtain_tui.containers.network import door_address
from ironcurtain_tui.sessions import spare

ROUNDS = 5
SETTLE_SECONDS = 2.0
"""What the spare started has loaded by then; as a rule it has waited for minutes."""
LOCALE = {"LC_ALL": "C.UTF-8"}
"""As the terminal of these benchmarks has it: a spare serves its like only."""
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
    """One that has had a session, so that its authority is there."""
    with installation(spares=True) as made:
        made.home.mkdir(exist_ok=True)
        (made.home / "config.toml").write_text(f'[network]\nmode = "{mode}"\n')
        made.start("shell")
        made.command("stop", "--all")
        yield made


def our_start(made: Installation, name: str, mark: str, *, spare_waits: bool) -> float:
    """Seconds until the agent shows its prompt on our screen, as a person sees it."""
    if spare_waits:
        made.command("standby", **LOCALE)
        time.sleep(SETTLE_SECONDS)
    command = [*COMMAND, "run", "--agent", name, "--workspace", str(made.workspace)]
    began = time.perf_counter()
    with program(command, {**made.environment, **LOCALE, "ANTHROPIC_API_KEY": ""}) as terminal:
        terminal.show(mark)
        took = time.perf_counter() - began
        if spare_waits and spare.present(made.home) is not None:
            raise RuntimeError("the spare was not used")
    made.command("stop", "--all")
    return took


def our_steps(made: Installation, name: str) -> dict[str, float]:
    """Seconds that each step of a start takes."""
    steps = {step: int(milliseconds) / 1000 for step, milliseconds in STEP.findall(made.start(name))}
    made.command("stop", "--all")
    return steps


def run() -> list[Comparison]:
    """All in turn, several rounds; medians."""
    table = Comparison(
        "Session start, s",
        (DOCKER, OURS, OURS_TCP),
        ((OURS, DOCKER), (OURS_TCP, DOCKER)),
        f"Until the agent's prompt is on the screen; median of {ROUNDS} turns. Ours includes the checks before, the "
        "proxy, the screen, and the self-test of the sealed container. As a rule a spare supervisor waits, left by the "
        "session before; the first start has none, and of it are the steps, which overlap.",
    )
    compileall.compile_dir(ROOT / "ironcurtain_tui", quiet=1)  # as what is installed is
    with installation() as made:
        made.command("image", "build", "sidecar", *(name for name, _ in AGENTS))
    rows: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as held:
        installations = {column: held.enter_context(_installation(mode)) for column, mode in MODES}
        for (name, mark), _ in itertools.product(AGENTS, range(ROUNDS)):
            bare = docker_run(name, mark)
            first = f"{name}, the first start"
            for row in (name, first):
                rows.setdefault(row, {}).setdefault(DOCKER, []).append(bare)
            for column, one in installations.items():
                rows[name].setdefault(column, []).append(our_start(one, name, mark, spare_waits=True))
                rows[first].setdefault(column, []).append(our_start(one, name, mark, spare_waits=False))
        for column, one in installations.items():
            for step, seconds in our_steps(one, AGENTS[-1][0]).items():
                rows.setdefault(f"of it: {step}", {}).setdefault(column, []).append(seconds)
    for row, measured in rows.items():
        table.add(row, {column: statistics.median(each) for column, each in measured.items()})
    return [table]
