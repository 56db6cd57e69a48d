"""The agent's terminal, from its bytes to the viewer, against tmux and against a terminal that is only read."""

from __future__ import annotations

import asyncio
import itertools
import random
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from benchmarks.process import children, cpu_seconds, part
from benchmarks.pty import COLS, LINES, SECONDS, Program, program, tmux
from benchmarks.table import Comparison, percentile
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Key, Paste, ScreenUpdate, decode_row
from ironcurtain_tui.paths import SessionPaths

SHELL = ["/usr/bin/env", "PS1=ready>", "ENV=", "/bin/sh", "-i"]
LETTERS = [chr(code) for code in range(0x410, 0x450)] + [chr(code) for code in range(0x3B1, 0x3CA)]
"""Each is typed once a line and occurs in nothing else a terminal is sent."""
ROUNDS = 2
BARE, TMUX, SOCKET, APP = "bare pty", "tmux", "ours: control.sock", "ours: app"

_numbers = itertools.count(2_000_000)


class Figures:
    """What was measured on one way."""

    def __init__(self) -> None:
        self.floods: list[float] = []
        self.flood_cpu: list[float] = []
        self.echoes: list[float] = []


def next_flood() -> tuple[str, str]:
    """A command that floods the terminal, and the word it ends with: another each time, for the last is still shown."""
    number = next(_numbers)
    return f"seq 1 1000000; echo over$(({number}+0))", f"over{number}"


def measure_program(figures: Figures, terminal: Program, cpu: Callable[[], float]) -> None:
    """Flood and echo seen from outside, on the terminal ``terminal`` runs in."""
    terminal.settle()
    flood, end = next_flood()
    before, began = cpu(), time.perf_counter()
    terminal.write(f"{flood}\r")
    terminal.read_until(end)
    figures.floods.append(time.perf_counter() - began)
    figures.flood_cpu.append(cpu() - before)
    terminal.settle()
    for letter in LETTERS:
        time.sleep(_pause())
        began = time.perf_counter()
        terminal.write(letter)
        terminal.read_until(letter)
        figures.echoes.append(time.perf_counter() - began)
    terminal.write("\x03")
    terminal.settle()


async def measure_socket(figures: Figures, session: SessionPaths, cpu: Callable[[], float]) -> None:
    """The same as a viewer on control.sock sees it: typed as messages, read from decoded rows."""
    client = await ControlClient.connect(session.control_socket, cols=COLS, lines=LINES)
    updates = (message async for message in client if isinstance(message, ScreenUpdate))

    async def seen(text: str) -> None:
        async with asyncio.timeout(SECONDS):
            async for update in updates:
                if any(text in _text(row) for row in update.rows.values()):
                    return

    await seen("ready>")
    flood, end = next_flood()
    before, began = cpu(), time.perf_counter()
    client.send(Paste(text=flood))
    client.send(Key(key="enter"))
    await seen(end)
    figures.floods.append(time.perf_counter() - began)
    figures.flood_cpu.append(cpu() - before)
    for letter in LETTERS:
        await asyncio.sleep(_pause())
        began = time.perf_counter()
        client.send(Key(key=letter, character=letter))
        await seen(letter)
        figures.echoes.append(time.perf_counter() - began)
    client.send(Key(key="ctrl+c"))
    await client.close()


def _text(row: msgspec.Raw) -> str:
    return "".join(run.text for run in decode_row(row))


def _pause() -> float:
    """Between two keys, so that they fall on no beat of anybody's."""
    return random.uniform(0.02, 0.04)  # noqa: S311 (no secret)


def _ours(socket: Figures, app: Figures) -> None:
    with tempfile.TemporaryDirectory(prefix="ic-bench-") as home:
        state = {"IRONCURTAIN_HOME": home}
        with part("terminal_host", *SHELL, environment=state) as (host, session_id):
            session = SessionPaths.of(session_id, Path(home))
            screen = [child for child in children(host) if b"screen_process" in _command(child)]
            asyncio.run(measure_socket(socket, session, lambda: cpu_seconds(host, *screen)))
            command = [sys.executable, "-m", "ironcurtain_tui", "attach", session_id]
            with program(command, state) as terminal:
                terminal.read_until("ready>")
                shown = children(terminal.pid)
                measure_program(app, terminal, lambda: cpu_seconds(host, *screen, *shown))


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def run() -> list[Comparison]:
    """All in turn, several rounds; the best flood, the echoes of all rounds."""
    measured = {name: Figures() for name in (BARE, TMUX, SOCKET, APP)}
    for _ in range(ROUNDS):
        with program(SHELL) as terminal:
            measure_program(measured[BARE], terminal, lambda: 0.0)
        with tmux(shlex.join(SHELL)) as (terminal, server):
            measure_program(measured[TMUX], terminal, lambda: cpu_seconds(server, terminal.pid))
        _ours(measured[SOCKET], measured[APP])
    table = Comparison(
        "Terminal",
        tuple(measured),
        ((SOCKET, TMUX), (APP, TMUX)),
        f"A shell in a terminal of {COLS}x{LINES}, outside a container: its bytes go over a socket to supervisor and "
        f"screen process, from there to a viewer on control.sock, which may be the app. tmux has a client attached. "
        f"Best flood and all echoes of {ROUNDS} interleaved rounds; CPU is of all processes of a contender.",
    )
    table.add("`seq 1 1000000`, s", {name: min(one.floods) for name, one in measured.items()})
    table.add("CPU s of it", {name: min(one.flood_cpu) for name, one in measured.items() if name != BARE})
    for percent in (50, 90, 99):
        figure = f"key to echo, p{percent} ms"
        table.add(figure, {name: percentile(one.echoes, percent) * 1000 for name, one in measured.items()})
    return [table]
