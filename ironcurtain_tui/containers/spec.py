"""What the agent's container is: the one place that says what it may see and do. Pure.

The body follows the Engine API, ``POST /containers/create`` (version 1.41).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ironcurtain_tui.containers.seccomp import seccomp_profile

SESSION_LABEL = "ironcurtain.session"
DOORS = "/run/ironcurtain"
"""Where the session's sockets directory is mounted, read-only."""
WORKSPACE = "/workspace"
HOME = "/home/agent"
HOSTNAME = "ironcurtain"
HOST = "host.docker.internal"
"""In TCP mode: what the agent calls the sidecar, and the sidecar the host."""
STATE = "/run/ironcurtain-state"
"""Where the session's state directory is mounted; the agent's home has links into it."""
ENTRYPOINT = "/usr/local/bin/ironcurtain-entrypoint"
SELF_TEST = "self-test"
"""Directory in the sockets directory: what the self-test runs in the container as that starts."""
PROBE_NAME, AT_START, AFTERWARDS = "probe.py", "wanted.json", "wanted-afterwards.json"
PROBE_COMMAND = ("python3", "-I", "-S", f"{DOORS}/{SELF_TEST}/{PROBE_NAME}")
TESTED_ENTRYPOINT = (
    "/bin/sh",
    "-c",
    f'(({" ".join(PROBE_COMMAND)} {DOORS}/{SELF_TEST}/{AT_START} </dev/null || kill -KILL $$) &); exec "$@"',
    "ironcurtain",
    ENTRYPOINT,
)
"""The entry point with the self-test beside it, no child of the agent's to be; if that fails to run, nothing does."""
RELEASE_NAME = "released"
"""File in the sockets directory: while it is absent the entry point holds the agent back."""

MIB = 1024 * 1024
GIB = 1024 * MIB
MINIMUM_MEMORY = 256 * MIB
HOST_SHARE = 0.75
"""Part of the host's memory a container may have at most."""


MEMORY, PROCESSES, CPU_TIME = "memory", "processes", "CPU time"
"""What a container may have so much of."""


@dataclass(frozen=True)
class HostLimits:
    """What the engine's machine has."""

    cpus: int
    memory_bytes: int
    unheld: tuple[str, ...] = ()
    """What the engine cannot limit there: of rootless engines, what systemd has not delegated to the user."""


@dataclass(frozen=True)
class AgentNetwork:
    """In TCP mode: the network of the session, and the sidecar's address on it."""

    name: str
    sidecar: str


@dataclass(frozen=True)
class ContainerSpec:
    """Everything that differs from session to session."""

    session_id: str
    image: str
    command: tuple[str, ...]
    env: Mapping[str, str]
    sockets_dir: Path
    workspace: Path
    uid: int
    gid: int
    memory_bytes: int = 4 * GIB
    cpus: float = 2.0
    pids: int = 512
    cols: int = 80
    lines: int = 24
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels besides the session's own, e.g. who owns it."""
    entrypoint: tuple[str, ...] = TESTED_ENTRYPOINT
    network: AgentNetwork | None = None
    """None: no network at all, the doors are sockets in ``sockets_dir``."""
    namespace: str = ""
    """A container on that network, or none, whose network namespace it shares; empty: it gets one of its own."""
    state_dir: Path | None = None
    """What the agent keeps of its conversations; None when it keeps none."""

    @property
    def name(self) -> str:
        return f"ironcurtain-{self.session_id}"

    @property
    def release_file(self) -> Path:
        return self.sockets_dir / RELEASE_NAME


def clamped_memory(wanted: int, host: HostLimits) -> int:
    """Bytes of memory to allow: at most three quarters of the host's, at least enough for a shell."""
    if host.memory_bytes <= 0:
        return max(wanted, MINIMUM_MEMORY)
    return max(min(wanted, int(host.memory_bytes * HOST_SHARE)), MINIMUM_MEMORY)


def clamped_cpus(wanted: float, host: HostLimits) -> float:
    """CPUs to allow: one is left to the host, half a one where there is no other; the engine refuses less than 0.01."""
    return max(min(wanted, max(host.cpus - 1.0, 0.5)), 0.01)


def create_body(spec: ContainerSpec, host: HostLimits, *, remapped: bool = False) -> dict[str, Any]:
    """The request that creates the container. No capability, nothing writable but workspace and tmpfs.

    No network either; or, in TCP mode, one that leads to the sidecar only, with no UDP and no name server. On an
    engine that has users ``remapped`` this container is left out of that: else it could not be the person's uid,
    without which it may neither write the workspace nor read what is in the sockets directory.
    """
    env = {**spec.env, "HOME": HOME, "IRONCURTAIN_RELEASE_FILE": f"{DOORS}/{RELEASE_NAME}"}
    if spec.network is not None:
        env["IRONCURTAIN_NETWORK_MODE"] = "tcp"
    shared = {"NetworkMode": f"container:{spec.namespace}"}  # with the names in there
    return {
        "Image": spec.image,
        "Entrypoint": list(spec.entrypoint),
        "Cmd": list(spec.command),
        "Env": [f"{name}={value}" for name, value in env.items()],
        "User": f"{spec.uid}:{spec.gid}",
        **({} if spec.namespace else {"Hostname": HOSTNAME}),
        "WorkingDir": WORKSPACE,
        "Tty": True,
        "OpenStdin": True,
        "StdinOnce": False,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Labels": {**spec.labels, SESSION_LABEL: spec.session_id},
        "HostConfig": {
            **(shared if spec.namespace else network_options(spec.network)),
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges:true", f"seccomp={seccomp_profile(datagrams=spec.network is None)}"],
            "Privileged": False,
            "ReadonlyRootfs": True,
            **_limits(spec, host),
            # A core dump would put the agent's memory into the workspace. Other limits stay the engine's own: it may
            # not be allowed to raise them.
            "Ulimits": [{"Name": "core", "Soft": 0, "Hard": 0}],
            "Init": True,
            "IpcMode": "private",
            **({"UsernsMode": "host"} if remapped else {}),
            # The recording is ours; the engine's log would be a second, unbounded copy of the screen.
            "LogConfig": {"Type": "none"},
            "Tmpfs": {
                "/tmp": "rw,exec,nosuid,nodev,size=512m,mode=1777",  # noqa: S108 (inside the container)
                HOME: f"rw,exec,nosuid,nodev,size=1g,mode=0700,uid={spec.uid},gid={spec.gid}",
            },
            "Mounts": [
                _bind(spec.sockets_dir, DOORS, read_only=True),
                _bind(spec.workspace, WORKSPACE, read_only=False),
                *([] if spec.state_dir is None else [_bind(spec.state_dir, STATE, read_only=False)]),
            ],
        },
    }


def network_options(network: AgentNetwork | None) -> dict[str, Any]:
    """No network; or one that leads to the sidecar only, with no name server."""
    if network is None:
        return {"NetworkMode": "none"}
    return {"NetworkMode": network.name, "ExtraHosts": [f"{HOST}:{network.sidecar}"], "Dns": ["127.0.0.1"]}


def _limits(spec: ContainerSpec, host: HostLimits) -> dict[str, int]:
    """What can be limited: engines refuse limits of CPU time, and some all limits, that they cannot hold."""
    memory = clamped_memory(spec.memory_bytes, host)
    limits = {
        PROCESSES: {"PidsLimit": spec.pids},
        MEMORY: {"Memory": memory, "MemorySwap": memory},
        CPU_TIME: {"NanoCpus": int(clamped_cpus(spec.cpus, host) * 1_000_000_000)},
    }
    return {name: value for what, asked in limits.items() if what not in host.unheld for name, value in asked.items()}


def _bind(source: Path, target: str, *, read_only: bool) -> dict[str, Any]:
    """A bind mount as the Mounts API has it: unlike ``Binds`` it never creates a missing source as root."""
    return {
        "Type": "bind",
        "Source": str(source),
        "Target": target,
        "ReadOnly": read_only,
        "BindOptions": {"Propagation": "rprivate"},
    }
