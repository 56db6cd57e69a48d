"""Starting a session from the command line: the same for one with a screen and one without."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import uuid
from pathlib import Path

import msgspec

from ironcurtain_tui import config, paths, workspace
from ironcurtain_tui.agents import AgentAdapter, Custom, agent
from ironcurtain_tui.build_display import BuildDisplay
from ironcurtain_tui.checks import MARKS, examine, no_key
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import (
    SIDECAR,
    ensure_image,
    ensure_own_image,
    is_own_ready,
    is_ready,
    on_our_base,
    own_tag,
    tag_of,
)
from ironcurtain_tui.containers.limits import Limits
from ironcurtain_tui.containers.network import network_mode
from ironcurtain_tui.errors import UsageError, UserFacingError
from ironcurtain_tui.events import BadgeState
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.reconcile import reconcile
from ironcurtain_tui.sessions.resume import taken_up
from ironcurtain_tui.supervisor.request import LaunchRequest, TaskRequest
from ironcurtain_tui.supervisor.spawn import SupervisorProcess


def launch(
    options: argparse.Namespace,
    settings: config.Config,
    supervisor: SupervisorProcess,
    task: TaskRequest | None = None,
) -> paths.SessionPaths:
    """Check, clean up, build what is missing, and have ``supervisor`` start what the options of ``run`` ask for.

    Says on standard output what it does; ``follow_start`` goes on from there. UserFacingError when it cannot.
    """
    request = prepare(options, settings, paths.new_session_id(), shutil.get_terminal_size(), task)
    session = supervisor.run(request)
    tell_missing_key(request)
    return session


def prepare(
    options: argparse.Namespace,
    settings: config.Config,
    session_id: str,
    size: os.terminal_size,
    task: TaskRequest | None = None,
    *,
    build: bool = True,
    engine: Engine | None = None,
) -> LaunchRequest:
    """What a supervisor has to be asked for, with the checks and the clearing up that come before.

    UserFacingError when there is something in the way; without ``build``, so is an image that is not up to date.
    ``engine``: if there is a connection already.
    """
    old = taken_up(options)
    place = workspace.checked(Path(old.workspace) if old else options.workspace)
    adapter = agent(old.agent if old else options.agent or settings.session.agent, settings.agents)
    for finding in examine(("state",)):
        if finding.state is BadgeState.FAIL:
            raise UserFacingError(finding.text, finding.remedy)
    engine = engine or Engine.connect()
    for line in reconcile(engine, paths.home()).removed:
        print(f"  cleaned up: {line}")
    info = engine.info()
    mode = network_mode(settings.network.mode, sys.platform, info, platform.release())
    agents_image = _agent_image(engine, adapter, build=build)
    sidecar = ""
    if mode == "tcp":
        sidecar = settings.network.sidecar_image or _image(engine, SIDECAR, build=build)
    return LaunchRequest(
        session_id=session_id,
        workspace=str(place),
        agent=adapter.name,
        model=options.model or (old.model if old else settings.session.model),
        rehearsal=options.rehearsal or bool(old and old.rehearsal),
        image=agents_image,
        network_mode=mode,
        sidecar_image=sidecar,
        conversation=old.conversation if old else str(uuid.uuid4()),
        resumes=old.id if old else "",
        task=task,
        cols=size.columns,
        lines=size.lines,
        config=settings,
        limits=Limits.on(info.host, settings.container),
    )


def tell_missing_key(request: LaunchRequest) -> None:
    """Say why the session that was started for ``request`` is a rehearsal, when nobody asked for one."""
    record = registry.read_record(paths.SessionPaths.of(request.session_id))
    adapter = agent(request.agent, request.config.agents)
    if record is not None and record.info.rehearsal and not request.rehearsal and adapter.providers:
        keys = no_key(adapter)
        print(f"  {MARKS[keys.state]} {keys.text}\n    → {keys.remedy}")


def _agent_image(engine: Engine, adapter: AgentAdapter, *, build: bool) -> str:
    """The tag of the image to start ``adapter`` in."""
    own = adapter.settings if isinstance(adapter, Custom) else None
    if own is not None and own.image:
        return on_our_base(engine, own.image)
    if own is not None and own.dockerfile:
        folder = Path(own.dockerfile).expanduser()
        if is_own_ready(engine, adapter.name, folder):
            return on_our_base(engine, own_tag(adapter.name))
        if not build:
            raise _not_built(adapter.name)
        with BuildDisplay(adapter.name) as display:
            return ensure_own_image(engine, adapter.name, folder, display.report)
    return _image(engine, adapter.image, build=build)


def _image(engine: Engine, name: str, *, build: bool) -> str:
    if not build and not is_ready(engine, name):
        raise _not_built(name)
    return built_image(engine, name)


def _not_built(name: str) -> UserFacingError:
    return UserFacingError(f"The image {name} may have to be built.", f"Run `ironcurtain-tui image build {name}`.")


def built_image(engine: Engine, name: str, *, force: bool = False) -> str:
    """The tag of our image ``name``, built with its progress shown unless it is up to date (or ``force``)."""
    if not force and is_ready(engine, name):
        return tag_of(name)
    with BuildDisplay(name) as display:
        return ensure_image(engine, name, display.report, force=force)


def settings_with(options: argparse.Namespace) -> config.Config:
    """The settings, with what the options of ``run`` change in them. UsageError when that is impossible."""
    settings = config.load()
    try:
        container = msgspec.structs.replace(
            settings.container,
            memory=options.memory or settings.container.memory,
            cpus=settings.container.cpus if options.cpus is None else options.cpus,
        )
    except ValueError as error:
        raise UsageError(f"{error}.", "Correct --memory or --cpus.") from error
    return msgspec.structs.replace(settings, container=container)
