"""How long the command line and the screen take to appear, against what cannot be avoided in Python and Textual."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from benchmarks.process import ROOT, part
from benchmarks.pty import program
from benchmarks.table import Comparison
from benchmarks.terminal import SHELL

ROUNDS = 5
OURS, PEER = "ours", "peer"


def to_exit(*arguments: str) -> Callable[[], float]:
    """Seconds until Python has run with ``arguments``."""

    def measure() -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        return time.perf_counter() - began

    return measure


def to_paint(mark: str, environment: Mapping[str, str], arguments: Sequence[str]) -> Callable[[], float]:
    """Seconds until Python, run with ``arguments`` in a terminal, has put ``mark`` on it."""

    def measure() -> float:
        began = time.perf_counter()
        with program([sys.executable, *arguments], environment) as terminal:
            terminal.read_until(mark)
            return time.perf_counter() - began

    return measure


def run() -> list[Comparison]:
    """Each with its peer in turn; medians."""
    table = Comparison("Cold start, s", (PEER, OURS), ((OURS, PEER),), f"Whole processes, median of {ROUNDS} turns.")
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as home:
        state = {"IRONCURTAIN_HOME": home}
        with part("terminal_host", *SHELL, environment=state):
            program_name = ("-m", "ironcurtain_tui")
            for figure, peer, ours in (
                (
                    "`ironcurtain-tui --version`; peer: `python -c pass`",
                    to_exit("-c", "pass"),
                    to_exit(*program_name, "--version"),
                ),
                (
                    "import of the screen; peer: `import textual.app`",
                    to_exit("-c", "import textual.app"),
                    to_exit("-c", "import ironcurtain_tui.ui.app"),
                ),
                (
                    "`attach` until the agent's screen is drawn; peer: a Textual app with one word",
                    to_paint("painted", {}, ("-m", "benchmarks.parts.bare_app")),
                    to_paint("ready>", state, (*program_name, "attach")),
                ),
            ):
                turns = [(peer(), ours()) for _ in range(ROUNDS)]
                peers, own = zip(*turns, strict=True)
                table.add(figure, {PEER: statistics.median(peers), OURS: statistics.median(own)})
    return [table]
