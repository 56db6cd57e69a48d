"""What a container may use of its machine: what was asked for, as far as the machine has it. Pure."""

from __future__ import annotations

import msgspec

from ironcurtain_tui.containers.spec import GIB, HostLimits, clamped_cpus, clamped_memory


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that hold."""

    memory_bytes: int
    cpus: float
    pids: int
    lowered: tuple[str, ...] = ()
    """What was asked for and is more than there may be, in words."""

    @classmethod
    def on(cls, host: HostLimits, *, memory_bytes: int, cpus: float, pids: int) -> Limits:
        """The limits asked for, on ``host``: a core and a quarter of the memory are left to it."""
        memory, allowed = clamped_memory(memory_bytes, host), clamped_cpus(cpus, host)
        lowered = []
        if memory < memory_bytes:
            lowered.append(f"{_gib(memory_bytes)} were asked for, of {_gib(host.memory_bytes)}")
        if allowed < cpus:
            lowered.append(f"{cpus:g} CPUs were asked for, of {host.cpus}")
        return cls(memory_bytes=memory, cpus=allowed, pids=pids, lowered=tuple(lowered))

    @property
    def short(self) -> str:
        """``1 CPU 4 GiB``."""
        return f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'} {_gib(self.memory_bytes)}"

    @property
    def words(self) -> str:
        """The same in full."""
        more = f" ({'; '.join(self.lowered)})" if self.lowered else ""
        cpus = "1 CPU" if self.cpus == 1 else f"{self.cpus:g} CPUs"
        return f"at most {cpus}, {_gib(self.memory_bytes)} of memory and {self.pids:,} processes{more}"


def _gib(size: int) -> str:
    return f"{size / GIB:.3g} GiB"
