"""What a container may use of its machine: what was asked for, as far as the machine has it. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from ironcurtain_tui.config import ContainerSettings
from ironcurtain_tui.containers.spec import (
    CPU_TIME,
    GIB,
    MEMORY,
    PROCESSES,
    HostLimits,
    clamped_cpus,
    clamped_memory,
)


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that hold."""

    memory_bytes: int
    cpus: float
    pids: int
    lowered: tuple[str, ...] = ()
    """What the person asked for and is more than there may be, in words."""
    unheld: tuple[str, ...] = ()
    """What the engine cannot limit."""

    @classmethod
    def on(cls, host: HostLimits, wanted: ContainerSettings) -> Limits:
        """The limits ``wanted``, on ``host``: a core and a quarter of the memory are left to it.

        What is ``lowered`` is told only where the person chose it: our own numbers are as much as a machine may give.
        """
        ours = ContainerSettings()
        memory, cpus = clamped_memory(wanted.memory_bytes, host), clamped_cpus(wanted.cpus, host)
        lowered = []
        if memory < wanted.memory_bytes != ours.memory_bytes:
            lowered.append(f"{_gib(wanted.memory_bytes)} were asked for, of {_gib(host.memory_bytes)}")
        if cpus < wanted.cpus != ours.cpus:
            lowered.append(f"{wanted.cpus:g} CPUs were asked for, of {host.cpus}")
        return cls(memory_bytes=memory, cpus=cpus, pids=wanted.pids, lowered=tuple(lowered), unheld=host.unheld)

    @property
    def short(self) -> str:
        """``1 CPU 4 GiB``, as far as it holds."""
        cpus = "" if CPU_TIME in self.unheld else f"{self.cpus:g} CPU{'' if self.cpus == 1 else 's'}"
        memory = "" if MEMORY in self.unheld else _gib(self.memory_bytes)
        return f"{cpus} {memory}".strip() or "no limits"

    @property
    def words(self) -> str:
        """The same in full."""
        each = {
            CPU_TIME: "1 CPU" if self.cpus == 1 else f"{self.cpus:g} CPUs",
            MEMORY: f"{_gib(self.memory_bytes)} of memory",
            PROCESSES: f"{self.pids:,} processes",
        }
        held = _listed([text for what, text in each.items() if what not in self.unheld])
        more = f" ({'; '.join(self.lowered)})" if self.lowered else ""
        if not self.unheld:
            return f"at most {held}{more}"
        unheld = f"the engine cannot limit {_listed([what for what in each if what in self.unheld])} here"
        return f"at most {held}{more}; {unheld}" if held else unheld


def remedy(refusal: str) -> str:
    """What to do when the engine refuses the limits with these words; empty when they are about something else."""
    if cpus := re.search(r"range of cpus is from 0\.01 to ([\d.]+)", refusal, re.IGNORECASE):
        most = float(cpus[1])
        fitting = max(most - 1, 0.5 if most >= 1 else most)
        return f"Set cpus = {fitting:g} under [container] in config.toml: the engine has {most:g}."
    if memory := re.search(r"minimum memory limit (?:allowed|can).*?is (\d+ ?[kmg]i?b)", refusal, re.IGNORECASE):
        return f"Set memory under [container] in config.toml to more than {memory[1]}."
    return ""


def _listed(words: Sequence[str]) -> str:
    return " and ".join(each for each in (", ".join(words[:-1]), *words[-1:]) if each)


def _gib(size: int) -> str:
    return f"{size / GIB:.3g} GiB"
