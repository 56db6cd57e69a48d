"""The whole product on real parts: the command line in a real terminal, a real engine, real Claude Code."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.providers import PROVIDERS
from ironcurtain_tui.rehearsal import model as rehearsal
from ironcurtain_tui.rehearsal.conversation import Conversation, Tool
from ironcurtain_tui.rehearsal.model import RehearsalModel
from ironcurtain_tui.rehearsal.script import Turn
from ironcurtain_tui.rehearsal.toolbox import named
from ironcurtain_tui.sessions import registry, spare
from tests.conftest import engine_or_skip
from tests.e2e.tmux import PATIENCE, Tmux

CANARY = "sk-ant-api03-canary-do-not-leak-Zm9yYmlkZGVu"
"""The "real" key of these tests: wherever it turns up but at the model, the product has failed."""
COMMAND = [sys.executable, "-m", "ironcurtain_tui"]


@dataclass
class Installation:
    """One user's IronCurtain: a state directory, a workspace, and the commands run on them."""

    home: Path
    workspace: Path
    environment: dict[str, str] = field(default_factory=dict)
    under: tuple[str, ...] = ()
    """The command under which ours are run."""

    def run(self, *arguments: str, check: bool = True, seconds: float = PATIENCE) -> subprocess.CompletedProcess[str]:
        """Run the command line without a terminal."""
        result = subprocess.run(
            [*self.under, *COMMAND, *arguments],
            env=self.full_environment(),
            cwd=self.workspace,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if check and result.returncode != 0:
            raise AssertionError(f"{arguments} failed:\n{result.stdout}\n{result.stderr}")
        return result

    def full_environment(self) -> dict[str, str]:
        keys = {provider.key_variable for provider in PROVIDERS.values()}
        kept = {name: value for name, value in os.environ.items() if name not in keys}
        return {**kept, **self.environment, "IRONCURTAIN_HOME": str(self.home)}

    def start(self, *arguments: str) -> SessionPaths:
        """Start a session in the background and return it."""
        self.run("run", "--detach", "--workspace", str(self.workspace), *arguments)
        return self.sessions()[0]

    def start_from_a_spare(self, *arguments: str) -> SessionPaths:
        """The same with a spare supervisor, which is left first unless one waits."""
        self.run("standby")
        waiting = spare.waiting(self.home)
        session = self.start(*arguments)
        lease = registry.read_lease(session)
        assert waiting is not None
        assert lease is not None
        assert lease.owner == waiting.owner
        return session

    def sessions(self) -> list[SessionPaths]:
        """Running sessions, newest first."""
        return [SessionPaths.of(one.id, self.home) for one in registry.sessions(self.home) if one.alive]

    def open(self, terminal: Tmux, *arguments: str) -> None:
        """Run the command line in ``terminal``."""
        environment = {**self.environment, "IRONCURTAIN_HOME": str(self.home), "COLORTERM": "truecolor"}
        terminal.run([*self.under, *COMMAND, *arguments], environment, self.workspace)


@pytest.fixture(scope="session")
def engine() -> Engine:
    engine_or_skip()
    engine = Engine.connect()
    for image in ("claude-code", "shell"):
        ensure_image(engine, image, lambda _: None)
    return engine


def container_of(engine: Engine, session: SessionPaths) -> AgentContainer:
    """The one the agent is in, not the sidecar of TCP mode."""
    name = f"ironcurtain-{session.session_id}"
    owned = next(item for item in engine.find_owned() if item.name == name)
    return AgentContainer(engine.client, engine.address, owned.id, owned.name)


@contextmanager
def installed(engine: Engine, *, spares: bool = False) -> Iterator[Installation]:
    """A fresh one; everything it started is ended afterwards, and that nothing stays is checked.

    Unless ``spares`` may be left behind by its sessions, the place of the one is taken: they cost time.
    """
    root = Path(tempfile.mkdtemp(prefix="ic-"))
    workspace = root / "project"
    workspace.mkdir()
    if os.geteuid() == 0:
        os.chown(workspace, 1000, 1000)
        root.chmod(0o755)
    made = Installation(root / "home", workspace)
    paths.private_directory(spare.directory(made.home))
    try:
        with spare.claimed(made.home) if not spares else nullcontext():
            yield made
        made.run("stop", "--all", check=False)
        made.run("gc", check=False)
        mine = {path.name for path in (made.home / "sessions").glob("*")}
        owned = [*engine.find_owned(), *engine.find_owned_networks()]
        left = [item.name for item in owned if item.session_id in mine]
        assert not left, "containers or networks were left behind"
        assert not list((made.home / "run").glob("*")), "run directories were left behind"
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def installation(engine: Engine) -> Iterator[Installation]:
    with installed(engine) as made:
        yield made


@pytest.fixture
def terminal() -> Iterator[Tmux]:
    with tempfile.TemporaryDirectory(prefix="ic-tmux-") as directory:
        terminal = Tmux(Path(directory))
        yield terminal
        terminal.close()


@pytest.fixture
def second_terminal() -> Iterator[Tmux]:
    with tempfile.TemporaryDirectory(prefix="ic-tmux-") as directory:
        terminal = Tmux(Path(directory), cols=120, lines=40)
        yield terminal
        terminal.close()


class Loop:
    """An event loop in a thread, for servers that tests without one need."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, work: Any, seconds: float = PATIENCE) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(seconds)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@contextmanager
def served[M: RehearsalModel](model: M) -> Iterator[M]:
    """``model``, listening."""
    loop = Loop()
    loop.call(model.start())
    yield model
    loop.call(model.stop())
    loop.close()


@contextmanager
def keyed(installation: Installation, name: str) -> Iterator[Installation]:
    """Give the user a key (the canary) for the provider ``name``, which is our own model, which wants that key."""
    with served(RehearsalModel(CANARY, host=PROVIDERS[name].hosts[0].name, pause=0.0)) as model:
        have_key(installation, name, model)
        yield installation


def have_key(installation: Installation, name: str, model: RehearsalModel) -> None:
    """Write down that ``model`` stands in the place of the provider ``name``, and what key opens it."""
    installation.home.mkdir(exist_ok=True)
    authority = installation.home.parent / "model-ca.pem"
    authority.write_bytes(model.ca_pem)
    (installation.home / "config.toml").write_text(
        f'[providers.{name}]\nupstream = "127.0.0.1:{model.port}"\nupstream_ca = "{authority}"\n'
    )
    if variable := PROVIDERS[name].key_variable:
        installation.environment[variable] = CANARY


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tool]:
    """The tools that agents have offered their model, which runs in this process, so far."""
    seen: dict[str, Tool] = {}
    original = rehearsal.next_turn

    def remember(conversation: Conversation, key_variable: str = "ANTHROPIC_API_KEY") -> Turn:
        seen.update(conversation.tools)
        return original(conversation, key_variable)

    monkeypatch.setattr(rehearsal, "next_turn", remember)
    return seen


def wait_for_tool(terminal: Tmux, offered: dict[str, Tool], name: str) -> None:
    """Say something until the agent offers its model the tool ``name``: it takes messages before it knows its tools."""
    deadline = time.monotonic() + PATIENCE
    while named(name, offered) is None:
        assert time.monotonic() < deadline, f"the agent offers no {name}: {sorted(offered)}\n{terminal.screen()}"
        terminal.submit("help")
        time.sleep(2)


@pytest.fixture
def with_key(installation: Installation) -> Iterator[Installation]:
    """An installation whose user has a key for Anthropic."""
    with keyed(installation, "anthropic") as made:
        yield made
