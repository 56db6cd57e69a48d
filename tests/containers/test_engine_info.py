"""What follows from what an engine says about itself. The answers are those of real engines, shortened."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ironcurtain_tui.containers.engine_info import EngineInfo
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.unix_socket import BoundSocket

ROOTFUL: dict[str, Any] = {
    "ServerVersion": "20.10.24+dfsg1",
    "Architecture": "x86_64",
    "OperatingSystem": "Debian GNU/Linux 12 (bookworm)",
    "Driver": "overlay2",
    "NCPU": 2,
    "MemTotal": 25325268992,
    "MemoryLimit": True,
    "CpuCfsPeriod": True,
    "CpuCfsQuota": True,
    "PidsLimit": True,
    "SecurityOptions": ["name=seccomp,profile=default"],
    "DockerRootDir": "/var/lib/docker",
    "KernelVersion": "6.18.44",
}
NOTHING_HELD = {"MemoryLimit": False, "CpuCfsPeriod": False, "CpuCfsQuota": False, "PidsLimit": False}
ROOTLESS = ROOTFUL | NOTHING_HELD | {"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}
REMAPPED = ROOTFUL | {"SecurityOptions": ["name=seccomp,profile=default", "name=userns"]}
PODMAN = ROOTFUL | {"ServerVersion": "4.3.1", "Driver": "overlay", "BuildahVersion": "1.28.2", "Rootless": False}


def read(answer: dict[str, Any]) -> EngineInfo:
    return EngineInfo.read(answer, "1.41")


def test_a_plain_engine() -> None:
    info = read(ROOTFUL)
    assert info.title == "Docker Engine 20.10.24+dfsg1"
    assert (info.rootless, info.remaps_users, info.unheld) == (False, False, ())
    assert (info.host.cpus, info.host.memory_bytes) == (2, 25325268992)
    assert info.root_directory == Path("/var/lib/docker")
    info.check_usable("unix:///var/run/docker.sock")


def test_rootless_remapped_and_podman_are_told_apart() -> None:
    rootless, remapped, podman = read(ROOTLESS), read(REMAPPED), read(PODMAN)
    assert rootless.title.startswith("rootless Docker Engine")
    assert (rootless.rootless, rootless.remaps_users) == (True, False)
    assert (remapped.rootless, remapped.remaps_users) == (False, True)
    assert podman.title == "Podman 4.3.1"
    with pytest.raises(EngineRefusedError, match=r"is Podman 4\.3\.1, not Docker") as caught:
        podman.check_usable("unix:///run/podman/podman.sock")
    assert "dockerd-rootless-setuptool.sh" in caught.value.remedy


def test_what_cannot_be_limited() -> None:
    assert set(read(ROOTLESS).unheld) == {"memory", "processes", "CPU time"}
    # What systemd delegates to a user by itself: no CPU time.
    assert read(ROOTLESS | {"MemoryLimit": True, "PidsLimit": True}).host.unheld == ("CPU time",)
    assert "systemd" in read(ROOTLESS).limits_remedy
    assert "systemd" not in read(ROOTFUL).limits_remedy
    silent = {key: value for key, value in ROOTFUL.items() if key not in NOTHING_HELD}
    assert read(silent).unheld == (), "who does not say is asked for it, and refuses what it cannot do"


def test_a_rootless_engine_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bound = BoundSocket.bind(tmp_path / "docker.sock", 0o600)
    address, mine = f"unix://{tmp_path}/docker.sock", os.geteuid()
    try:
        read(ROOTLESS).check_usable(address)
        monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
        read(ROOTFUL).check_usable(address)
        with pytest.raises(EngineRefusedError, match=f"belongs to another user .uid {mine}."):
            read(ROOTLESS).check_usable(address)
    finally:
        bound.remove()
