"""Starting what a benchmark measures, and ending it whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent
END_SECONDS = 10.0


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """``command`` with its standard output on a pipe, terminated on leaving."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def part(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[int, str]]:
    """A program of ``benchmarks/parts``: its process id and the line it printed once it was ready."""
    with running([sys.executable, "-m", f"benchmarks.parts.{name}", *arguments], environment) as process:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"{name} ended before it was ready")
        yield process.pid, line.strip()


def family(pid: int) -> list[int]:
    """``pid`` and every process below it."""
    return [pid, *(member for child in children(pid) for member in family(child))]


def memory_bytes(*pids: int) -> int:
    """What processes take of the memory, shared pages divided among those who share them (proc(5), smaps_rollup)."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids)
    return sum(int(line.split()[1]) << 10 for text in rollups for line in text.splitlines() if line.startswith("Pss:"))


def cpu_seconds(*pids: int) -> float:
    """Processor time that processes have used so far (proc(5), fields 14 and 15 of stat)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    """Process ids of the direct children."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]
