"""What a container may use of its machine: what was asked for, as far as the machine has it. Pure."""

from __future__ import annotations

import re

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


def remedy(refusal: str) -> str:
    """What to do when the engine refuses the limits with these words; empty when they are about something else."""
    if cpus := re.search(r"range of cpus is from 0\.01 to ([\d.]+)", refusal, re.IGNORECASE):
        most = float(cpus[1])
        fitting = max(most - 1, 0.5 if most >= 1 else most)
        return f"Set cpus = {fitting:g} under [container] in config.toml: the engine has {most:g}."
    if memory := re.search(r"minimum memory limit (?:allowed|can).*?is (\d+ ?[kmg]i?b)", refusal, re.IGNORECASE):
        return f"Set memory under [container] in config.toml to more than {memory[1]}."
    return ""


def _gib(size: int) -> str:
    return f"{size / GIB:.3g} GiB"
