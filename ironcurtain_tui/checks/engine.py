"""Checks of the Docker Engine and of what sessions do with it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from typing import Literal

from ironcurtain_tui import config, paths
from ironcurtain_tui.checks.finding import Finding
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

MUCH = 10 << 30
"""Bytes on the disk that are worth a warning."""


def engine() -> Iterator[Finding]:
    """Whether there is an engine that we may use, and where it is."""
    from ironcurtain_tui.containers.engine import Engine

    found = Engine.connect()
    info = found.info()
    info.check_usable(found.address)
    free = found.disk_free()
    room = f", {free / 2**30:.1f} GiB free" if free is not None else ""
    yield Finding(
        "engine",
        BadgeState.OK,
        f"{info.title} ({info.architecture}, {info.storage_driver}) at {found.address}{room}",
    )
    if info.remaps_users:
        text = "userns-remap is on; the agent's container is left out of it, because the agent works as your own user"
        yield Finding("engine", BadgeState.OK, text)


def images() -> Iterator[Finding]:
    """Which of our images are built and up to date."""
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import image_names, is_fresh

    found = Engine.connect()
    stale = [name for name in image_names() if not is_fresh(found, name)]
    if stale:
        text = f"not built or out of date: {', '.join(stale)}"
        yield Finding("images", BadgeState.WARN, text, "`ironcurtain-tui image build`; a start builds what it needs.")
    else:
        yield Finding("images", BadgeState.OK, ", ".join(image_names()))


def hardening() -> Iterator[Finding]:
    """Which protections are on in a container like an agent's: read back from inside one."""
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import is_ready, tag_of
    from ironcurtain_tui.supervisor.trial import try_hardening

    found = Engine.connect()
    if not is_ready(found, "shell"):
        text = "not tried: needs the image shell"
        yield Finding("hardening", BadgeState.WARN, text, "`ironcurtain-tui image build shell`")
        return
    read = try_hardening(found, tag_of("shell"), config.load().container)
    on = [f"{one.name} ({one.detail})" if one.detail else one.name for one in read if one.on]
    yield Finding("hardening", BadgeState.OK, ", ".join(on))
    off = [one for one in read if not one.on]
    info = found.info()
    if os.geteuid() == 0 or info.rootless:
        off = [one for one in off if one.name != "not root"]  # the check's own user, not that of a session
    if off:
        limits = all(one.name.startswith("limit") for one in off)
        remedy = info.limits_remedy if limits else "Look at `docker info`."
        state = BadgeState.WARN if limits else BadgeState.FAIL
        yield Finding("hardening", state, f"off: {', '.join(one.name for one in off)}", remedy)


def mode(mode: Literal["uds", "tcp"]) -> Iterator[Finding]:
    """Try it with a container; what cannot work here is a failure only when sessions would use it."""
    import asyncio

    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import SIDECAR, is_ready, tag_of
    from ironcurtain_tui.containers.network import address_wanders, network_mode
    from ironcurtain_tui.supervisor.trial import try_mode

    engine = Engine.connect()
    info, settings = engine.info(), config.load().network
    used = network_mode(settings.mode, sys.platform, info, platform.release()) == mode
    bad = BadgeState.FAIL if used else BadgeState.WARN
    use = "sessions use it" if used else "not in use"
    if missing := [image for image in ("shell", *([SIDECAR] if mode == "tcp" else [])) if not is_ready(engine, image)]:
        text = f"not tried: needs the image {' and '.join(missing)}"
        yield Finding(mode, BadgeState.WARN, text, f"`ironcurtain-tui image build {' '.join(missing)}`")
        return
    try:
        network_mode(mode, sys.platform, info)
        sidecar = settings.sidecar_image or tag_of(SIDECAR)
        report = asyncio.run(try_mode(engine, mode, tag_of("shell"), sidecar))
    except UserFacingError as error:
        yield Finding(mode, bad, f"{error.message} ({use})", error.remedy)
        return
    if report.passed:
        yield Finding(mode, BadgeState.OK, f"tried: two doors and no other way out ({use})")
        if mode == "tcp" and used and address_wanders(bridge := engine.bridge_name()):
            text = (
                f"{bridge} has another hardware address whenever a container starts or ends: sessions may hang for 30 s"
            )
            yield Finding(mode, BadgeState.WARN, text, f"As root: ip link set dev {bridge} address 02:42:ac:11:00:01")
        return
    failures = "; ".join(f"{one.name}: {one.detail}" for one in report.failures)
    remedy = "Look at the host's firewall and the engine's network settings."
    yield Finding(mode, bad, f"{failures} ({use})", remedy)


def disk() -> Iterator[Finding]:
    """How much our images and sessions take."""
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.disk_usage import figure, image_usage, session_usage

    kept = session_usage(paths.home())
    taken = sum(one.bytes for one in kept)
    remedy = "`ironcurtain-tui disk` shows what, `sessions rm` and [retention] remove." if taken > MUCH else ""
    state = BadgeState.WARN if taken > MUCH else BadgeState.OK
    yield Finding("disk", state, f"{len(kept)} sessions: {figure(taken)}", remedy)
    images = image_usage(Engine.connect())
    old = [one for one in images if one.old]
    text = f"{len(images)} images: {figure(sum(one.bytes for one in images))}"
    if old:
        text += f", {figure(sum(one.bytes for one in old))} of it out of use"
        yield Finding("disk", BadgeState.WARN, text, "`ironcurtain-tui disk --clean`")
    else:
        yield Finding("disk", BadgeState.OK, text)
