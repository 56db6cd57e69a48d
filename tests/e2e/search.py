"""Looks for a key wherever one could be in a container: files, environments, arguments, memory."""

from __future__ import annotations

import os
from pathlib import Path

from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from tests.e2e.conftest import CANARY
from tests.e2e.tmux import PATIENCE


def memory_holds(pid: int, needle: bytes) -> bool:
    """Whether the memory of process ``pid`` holds ``needle``; one that has ended holds nothing. Needs root."""
    try:
        return _memory_holds(pid, needle)
    except (FileNotFoundError, ProcessLookupError):
        return False


def _memory_holds(pid: int, needle: bytes) -> bool:
    regions = [
        tuple(int(end, 16) for end in line.split()[0].split("-"))
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines()
        if line.split()[1].startswith("r") and "[v" not in line
    ]
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        for start, end in regions:
            try:
                memory.seek(start)
                while start < end:
                    piece = memory.read(min(end - start, 1 << 24))
                    if not piece:
                        break
                    if needle in piece:
                        return True
                    start += len(piece)
            except (OSError, ValueError, OverflowError):
                continue
    return False


def assert_no_key_inside(engine: Engine, container: AgentContainer, sentinel: str) -> None:
    """The canary is in no file, environment, argument or memory of the container; the sentinel is (so we looked)."""
    assert_no_key_in_files(container, sentinel)
    assert_no_key_in_memory(engine, container, sentinel)


def assert_no_key_in_files(container: AgentContainer, sentinel: str) -> None:
    """Nor in environments and arguments: takes a second."""
    for needle, expected in ((sentinel, True), (CANARY, False)):
        search = (
            # /usr is the read-only image, older than any key.
            f"LC_ALL=C grep -rlsF -D skip -- '{needle}' /home /tmp /run /workspace /etc /var /opt /root /srv /dev/shm; "
            f"grep -lsF -- '{needle}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline"
        )
        # The shell that searches has the needle in its own arguments: leave that out.
        _, output = container.exec(
            ["sh", "-c", f'self=$$; ({search}) | grep -v "/proc/$self/" | grep -v /proc/self'], PATIENCE
        )
        found = [line for line in output.decode().splitlines() if "/environ" in line or not line.startswith("/proc")]
        assert bool(found) is expected, f"{'nothing' if expected else 'the real key'} found: {found}"


def assert_no_key_in_memory(engine: Engine, container: AgentContainer, sentinel: str) -> None:
    """Of none of its processes. Needs root, and does nothing without."""
    if os.geteuid() == 0:
        processes = engine.client.top(container.id, ps_args="-eo pid,args")["Processes"]
        pids = [int(pid) for pid, _ in processes]
        assert any(memory_holds(pid, sentinel.encode()) for pid in pids), "the search itself must find something"
        for pid in pids:
            assert not memory_holds(pid, CANARY.encode()), "the real key is in the container's memory"
