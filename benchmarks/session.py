"""One real session of the product for a benchmark, on a real engine, without a key."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from benchmarks.process import ROOT
from ironcurtain_tui import paths
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry, spare

COMMAND = [sys.executable, "-m", "ironcurtain_tui"]
SECONDS = 300


@dataclass(frozen=True)
class Installation:
    """State directory and workspace of one user."""

    home: Path
    workspace: Path

    @property
    def environment(self) -> dict[str, str]:
        """What commands on this state need."""
        return {"IRONCURTAIN_HOME": str(self.home), "PYTHONPATH": str(ROOT)}

    def command(self, *arguments: str, **variables: str) -> str:
        """Run the command line, with ``variables`` in its environment; its output."""
        kept = {name: value for name, value in os.environ.items() if name != "ANTHROPIC_API_KEY"}
        environment = {**kept, **variables}
        return subprocess.run(
            [*COMMAND, *arguments],
            env={**environment, **self.environment},
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
        ).stdout

    def start(self, agent: str) -> str:
        """Start a session in the background; what the command printed."""
        return self.command("run", "--detach", "--timings", "--agent", agent, "--workspace", str(self.workspace))

    def session(self) -> SessionPaths:
        """The running one."""
        return registry.find("", self.home)


@contextmanager
def installation(*, spares: bool = False) -> Iterator[Installation]:
    """A fresh one, with everything it started ended on leaving; with ``spares``, its sessions leave such behind."""
    root = Path(tempfile.mkdtemp(prefix="ic-bench-"))
    made = Installation(root / "home", root / "project")
    made.workspace.mkdir()
    if os.geteuid() == 0:  # the agent runs as the owner of the workspace, and should not be root
        root.chmod(0o755)
        os.chown(made.workspace, 1000, 1000)
    paths.private_directory(spare.directory(made.home))
    try:
        with spare.claimed(made.home) if not spares else nullcontext():
            yield made
    finally:
        made.command("stop", "--all")
        shutil.rmtree(root, ignore_errors=True)
