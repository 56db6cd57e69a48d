"""Memory of processes and of the machine, where the kernel tells: on Linux (proc(5))."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from ironcurtain_tui.sessions.identity import ProcessIdentity


def own(processes: Iterable[ProcessIdentity]) -> int | None:
    """Bytes that those of ``processes`` that are alive have for themselves; None when that cannot be known.

    What they have of files is left out: the kernel can take it back. ``smaps_rollup`` would tell more, but of a process
    that keeps its memory private only to root.
    """
    sizes = [_figure(Path(f"/proc/{one.pid}/status"), "RssAnon") for one in processes if one.alive()]
    known = [size for size in sizes if size is not None]
    return sum(known) if known else None


def available() -> int | None:
    """Bytes that can be had without swapping others out; None when that cannot be known."""
    return _figure(Path("/proc/meminfo"), "MemAvailable")


def _figure(file: Path, name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) << 10 if found else None
