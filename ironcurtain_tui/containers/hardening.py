"""What holds an agent's container together, read back from inside a real one.

What was asked for when it was created proves nothing: a kernel without a cgroup controller, an engine that ignores a
field, or a security module that is off would go unnoticed. Sources: proc_pid_status(5), proc_pid_limits(5), cgroups(7).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.spec import ContainerSpec

PROBE = """\
cat /proc/self/status /proc/self/limits
grep ' / ' /proc/mounts
for file in /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes \\
  /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/cpu/cpu.cfs_quota_us; do
  [ -r "$file" ] && echo "$file $(cat "$file")"
done
true
"""
NEVER = 1 << 60
"""More than any machine has: cgroup v1 writes such a number where there is no limit."""


@dataclass(frozen=True)
class Protection:
    """One of them."""

    name: str
    on: bool
    detail: str = ""


def read_back(engine: Engine, spec: ContainerSpec) -> list[Protection]:
    """The protections of a container made of ``spec``, whose command must live for a moment. Blocks; removes it.

    Raises EngineUnavailableError or EngineRefusedError when it cannot be started.
    """
    container = engine.create(spec)
    try:
        container.start()
        _, output = container.exec(["sh", "-c", PROBE])
    finally:
        container.remove()
    return list(protections(output.decode("utf-8", "replace")))


def protections(printed: str) -> Iterator[Protection]:
    """What ``printed`` by PROBE says."""
    root = re.search(r"^\S+ / \S+ (\S+)", printed, re.MULTILINE)
    yield Protection("read-only root", root is not None and "ro" in root[1].split(","))
    kept = {_field(printed, name) for name in ("CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb")}
    yield Protection("no capabilities", kept == {"0" * 16})
    yield Protection("no new privileges", _field(printed, "NoNewPrivs") == "1")
    yield Protection("seccomp list", _field(printed, "Seccomp") == "2")
    user = _field(printed, "Uid").split("\t")[0]
    yield Protection("not root", user not in {"", "0"}, f"uid {user}")
    for name, files, unit in (
        ("processes", ("/sys/fs/cgroup/pids.max", "/sys/fs/cgroup/pids/pids.max"), ""),
        ("memory", ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"), " MiB"),
        ("CPU time", ("/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), ""),
    ):
        limit = _limit(printed, files)
        shown = f"{limit >> 20:,}{unit}" if unit and limit else "" if name == "CPU time" else f"{limit:,}"
        yield Protection(f"limit of {name}", limit > 0, shown if limit else "")
    core = re.search(r"^Max core file size +(\d+|unlimited)", printed, re.MULTILINE)
    yield Protection("no core dumps", core is not None and core[1] == "0")
    opened = re.search(r"^Max open files +(\d+)", printed, re.MULTILINE)
    yield Protection("limit of open files", opened is not None, f"{int(opened[1]):,}" if opened else "")


def _field(status: str, name: str) -> str:
    found = re.search(rf"^{name}:\s*(.*)$", status, re.MULTILINE)
    return found[1] if found else ""


def _limit(printed: str, files: tuple[str, ...]) -> int:
    """The limit that one of the cgroup ``files`` (of version 2 or 1) names, 0 when there is none."""
    for file in files:
        found = re.search(rf"^{re.escape(file)} (\d+)", printed, re.MULTILINE)
        if found and 0 < int(found[1]) < NEVER:
            return int(found[1])
    return 0
