"""What an engine says about itself, and what follows from it. Source: the Engine API, ``GET /info`` (version 1.41)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.spec import CPU_TIME, MEMORY, PROCESSES, HostLimits

DOCKER = "Docker Engine"
PODMAN = "Podman"
LIMITS = {MEMORY: ("MemoryLimit",), PROCESSES: ("PidsLimit",), CPU_TIME: ("CpuCfsPeriod", "CpuCfsQuota")}
"""Under which names an engine says that it can limit something."""


@dataclass(frozen=True)
class EngineInfo:
    """What an engine says about itself."""

    version: str
    api_version: str
    architecture: str
    operating_system: str
    storage_driver: str
    cpus: int
    memory_bytes: int
    root_directory: Path
    rootless: bool
    security_options: tuple[str, ...]
    kernel: str = ""
    """Release of the kernel its containers run on."""
    product: str = DOCKER
    remaps_users: bool = False
    """Its containers have a user namespace of their own (``userns-remap``), where nobody is the person."""
    unheld: tuple[str, ...] = ()
    """What it cannot limit here."""

    @classmethod
    def read(cls, answer: Mapping[str, Any], api_version: str) -> Self:
        """From its ``answer`` to ``GET /info``."""
        options = tuple(answer.get("SecurityOptions") or ())
        names = [option.removeprefix("name=").partition(",")[0] for option in options]
        return cls(
            version=answer.get("ServerVersion", ""),
            api_version=api_version,
            architecture=answer.get("Architecture", ""),
            operating_system=answer.get("OperatingSystem", ""),
            storage_driver=answer.get("Driver", ""),
            cpus=int(answer.get("NCPU", 1)),
            memory_bytes=int(answer.get("MemTotal", 0)),
            root_directory=Path(answer.get("DockerRootDir", "/var/lib/docker")),
            rootless="rootless" in names,
            security_options=options,
            kernel=answer.get("KernelVersion", ""),
            product=PODMAN if "BuildahVersion" in answer else DOCKER,
            remaps_users="userns" in names,
            unheld=tuple(what for what, keys in LIMITS.items() if not all(answer.get(key, True) for key in keys)),
        )

    @property
    def title(self) -> str:
        """``rootless Docker Engine 20.10.24``."""
        kind = "rootless " if self.rootless else ""
        return f"{kind}{self.product} {self.version}"

    def check_usable(self, address: str) -> None:
        """EngineRefusedError when sessions cannot work with it, whoever we are."""
        if self.product == PODMAN:
            raise EngineRefusedError(
                f"The engine at {address} is {self.title}, not Docker: it takes neither a list of system calls nor an "
                "owner of the agent's home the way Docker does.",
                "Use Docker Engine, which can run without root as well (`dockerd-rootless-setuptool.sh install`), and "
                "set DOCKER_HOST or `docker context use`.",
            )
        path = Path(address.removeprefix("unix://"))
        if self.rootless and path.is_socket() and (owner := path.stat().st_uid) != os.geteuid():
            raise EngineRefusedError(
                f"The engine at {address} is rootless and belongs to another user (uid {owner}), who may not see your "
                "files.",
                "Use an engine of your own, or run ironcurtain-tui as that user.",
            )

    @property
    def limits_remedy(self) -> str:
        """What to do about what is ``unheld``."""
        if self.rootless:
            return (
                "Have systemd delegate the cgroup controllers cpu, memory and pids to you, with cgroup v2: see "
                '"Limiting resources" in what Docker writes about rootless mode.'
            )
        return "Switch the cgroup controllers on, and look at `docker info`."

    @property
    def host(self) -> HostLimits:
        """What its machine has, and what of it can be limited."""
        return HostLimits(self.cpus, self.memory_bytes, self.unheld)
