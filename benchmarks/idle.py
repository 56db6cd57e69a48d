"""What an open session costs while nothing happens, against tmux and the smallest Textual app."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack

from benchmarks.process import children, cpu_seconds
from benchmarks.pty import Program, program, tmux
from benchmarks.session import COMMAND, installation
from benchmarks.table import Comparison
from ironcurtain_tui.sessions import registry

SECONDS = 15.0
SETTLE = 3.0
TMUX, BARE, OURS = "tmux", "bare Textual app", "ours"


def run() -> list[Comparison]:
    """All at the same time, each in a terminal of its own."""
    table = Comparison(
        "Idle CPU, % of a core",
        (TMUX, BARE, OURS),
        ((OURS, TMUX), (OURS, BARE)),
        f"Over {SECONDS:.0f} s with a shell that waits for input; ours is a real session with its proxy and gateway.",
    )
    with ExitStack() as stack:
        made = stack.enter_context(installation())
        made.start("shell")
        lease = registry.read_lease(made.session())
        if lease is None:
            raise RuntimeError("the session has no lease")
        supervisor = lease.owner.pid
        app = stack.enter_context(program([*COMMAND, "attach"], made.environment))
        app.read_until("ironcurtain:")
        client, server = stack.enter_context(tmux("/bin/sh"))
        bare = stack.enter_context(program([sys.executable, "-m", "benchmarks.parts.bare_app"]))
        terminals = (app, client, bare)
        _watch(terminals, SETTLE)
        watched: dict[str, tuple[int, ...]] = {
            "app": (app.pid, *children(app.pid)),
            "supervisor": (supervisor,),
            "screen process": tuple(children(supervisor)),
            "tmux client": (client.pid,),
            "tmux server": (server,),
            "bare": (bare.pid,),
        }
        before = {name: cpu_seconds(*pids) for name, pids in watched.items()}
        _watch(terminals, SECONDS)
        used = {name: (cpu_seconds(*pids) - before[name]) / SECONDS * 100 for name, pids in watched.items()}
    table.add("viewer (app, tmux client)", {TMUX: used["tmux client"], BARE: used["bare"], OURS: used["app"]})
    table.add("behind it (supervisor, tmux server)", {TMUX: used["tmux server"], OURS: used["supervisor"]})
    table.add("screen process", {OURS: used["screen process"]})
    return [table]


def _watch(terminals: tuple[Program, ...], seconds: float) -> None:
    """Read what they draw, as terminals do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for terminal in terminals:
            terminal.watch(0.05)
