"""What must be true before a session can start; `doctor` shows all of it, a start only what fails."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from ironcurtain_tui import config, paths
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import BadgeState

MIN_COLS, MIN_LINES = 40, 12
MARKS = {BadgeState.OK: "✓", BadgeState.WARN: "!", BadgeState.FAIL: "✗", BadgeState.PENDING: "…"}
LOW_DISK = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """The result of one check."""

    name: str
    state: BadgeState
    text: str
    remedy: str = ""


def _interpreter() -> Finding:
    version = platform.python_version()
    return Finding("python", BadgeState.OK, f"Python {version} ({sys.executable})")


def _terminal() -> Finding:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Finding("terminal", BadgeState.WARN, "not a terminal", "`run` and `attach` need one.")
    size = shutil.get_terminal_size()
    text = f"{size.columns}x{size.lines}, TERM={os.environ.get('TERM', '')}"
    if size.columns < MIN_COLS or size.lines < MIN_LINES:
        return Finding("terminal", BadgeState.WARN, text, f"Make it at least {MIN_COLS}x{MIN_LINES}.")
    if os.environ.get("COLORTERM") not in {"truecolor", "24bit"}:
        return Finding("terminal", BadgeState.OK, f"{text}; colours may be reduced (COLORTERM is not truecolor)")
    return Finding("terminal", BadgeState.OK, text)


def _state() -> Finding:
    home = paths.private_directory(paths.home())
    free = shutil.disk_usage(home).free
    text = f"{home}, {free / 2**30:.1f} GiB free"
    if free < LOW_DISK:
        return Finding("state", BadgeState.FAIL, text, "Free disk space: an action that cannot be recorded is refused.")
    return Finding("state", BadgeState.OK, text)


def _config() -> Finding:
    config.load()
    path = paths.home() / "config.toml"
    return Finding("config", BadgeState.OK, str(path) if path.exists() else f"defaults ({path} does not exist)")


def _authority() -> Finding:
    from ironcurtain_tui.proxy.authority import CertificateAuthority

    CertificateAuthority.load_or_create(paths.home() / "ca")
    return Finding("ca", BadgeState.OK, f"{paths.home() / 'ca'}")


def credentials(agent: str) -> Finding:
    """What keys a session of ``agent`` finds. UserFacingError when a place is named that gives none."""
    from ironcurtain_tui.agents import agent as adapter_of
    from ironcurtain_tui.providers import PROVIDERS
    from ironcurtain_tui.supervisor.access import Accesses

    adapter = adapter_of(agent)
    accesses = Accesses.find(adapter, config.load(), rehearsal=False)
    if accesses.rehearsal:
        wanted = [PROVIDERS[name] for name in adapter.providers or PROVIDERS]
        titles = " or ".join(provider.title for provider in wanted)
        variables = " or ".join(provider.key_variable for provider in wanted if provider.key_variable)
        return Finding(
            "credentials",
            BadgeState.WARN,
            f"no key for {titles}: sessions are rehearsals with a scripted model",
            f"Set {variables}, or api_key_command under [providers.{wanted[0].name}].",
        )
    titles = ", ".join(each.provider.title for each in accesses)
    return Finding("credentials", BadgeState.OK, f"keys found: {titles} (they stay on this machine)")


def _engine() -> Finding:
    from ironcurtain_tui.containers.engine import Engine

    engine = Engine.connect()
    info = engine.info()
    free = engine.disk_free()
    room = f", {free / 2**30:.1f} GiB free" if free is not None else ""
    return Finding(
        "engine", BadgeState.OK, f"Docker Engine {info.version} ({info.architecture}, {info.storage_driver}){room}"
    )


def _images() -> Finding:
    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import image_names, is_fresh

    engine = Engine.connect()
    stale = [name for name in image_names() if not is_fresh(engine, name)]
    if stale:
        return Finding(
            "images", BadgeState.WARN, f"not built or out of date: {', '.join(stale)}", "`ironcurtain-tui image build`"
        )
    return Finding("images", BadgeState.OK, ", ".join(image_names()))


def _mode(mode: Literal["uds", "tcp"]) -> Finding:
    """Try it with a container; what cannot work here is a failure only when sessions would use it."""
    import asyncio

    from ironcurtain_tui.containers.engine import Engine
    from ironcurtain_tui.containers.images import SIDECAR, is_ready, tag_of
    from ironcurtain_tui.containers.network import network_mode
    from ironcurtain_tui.supervisor.trial import try_mode

    engine = Engine.connect()
    info, settings = engine.info(), config.load().network
    used = network_mode(settings.mode, sys.platform, info) == mode
    bad = BadgeState.FAIL if used else BadgeState.WARN
    use = "sessions use it" if used else "not in use"
    if missing := [image for image in ("shell", *([SIDECAR] if mode == "tcp" else [])) if not is_ready(engine, image)]:
        text = f"not tried: needs the image {' and '.join(missing)}"
        return Finding(mode, BadgeState.WARN, text, f"`ironcurtain-tui image build {' '.join(missing)}`")
    try:
        network_mode(mode, sys.platform, info)
        sidecar = settings.sidecar_image or tag_of(SIDECAR)
        report = asyncio.run(try_mode(engine, mode, tag_of("shell"), sidecar))
    except UserFacingError as error:
        return Finding(mode, bad, f"{error.message} ({use})", error.remedy)
    if report.passed:
        return Finding(mode, BadgeState.OK, f"tried: two doors and no other way out ({use})")
    failures = "; ".join(f"{one.name}: {one.detail}" for one in report.failures)
    return Finding(mode, bad, f"{failures} ({use})", "Look at the host's firewall and the engine's network settings.")


CHECKS: dict[str, Callable[[], Finding]] = {
    "python": _interpreter,
    "terminal": _terminal,
    "state": _state,
    "config": _config,
    "ca": _authority,
    "credentials": partial(credentials, "shell"),  # which can use them all
    "engine": _engine,
    "images": _images,
    "uds": partial(_mode, "uds"),
    "tcp": partial(_mode, "tcp"),
}


def examine(names: tuple[str, ...] = ()) -> list[Finding]:
    """Run the checks ``names`` (all when empty). A check that raises UserFacingError has failed."""
    findings = []
    for name in names or CHECKS:
        try:
            findings.append(CHECKS[name]())
        except UserFacingError as error:
            findings.append(Finding(name, BadgeState.FAIL, error.message, error.remedy))
    return findings
