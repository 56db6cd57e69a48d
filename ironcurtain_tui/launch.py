"""Starting a session from the command line: the same for one with a screen and one without."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
import time
import uuid
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import msgspec

from ironcurtain_tui import config, paths, workspace
from ironcurtain_tui.agents import AgentAdapter, Custom, agent
from ironcurtain_tui.build_display import BuildDisplay
from ironcurtain_tui.checks import MARKS, examine, no_key
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import SIDECAR, ensure_image, ensure_own_image, is_ready, on_our_base, tag_of
from ironcurtain_tui.containers.limits import Limits
from ironcurtain_tui.containers.network import network_mode
from ironcurtain_tui.control.client import ControlClient
from ironcurtain_tui.control.messages import Events, Welcome
from ironcurtain_tui.control.state import StateKeeper
from ironcurtain_tui.errors import UsageError, UserFacingError
from ironcurtain_tui.events import LAST_STEP, AnyEvent, BadgeState, SessionStatus
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
    old = taken_up(options)
    place = workspace.checked(Path(old.workspace) if old else options.workspace)
    adapter = agent(old.agent if old else options.agent or settings.session.agent, settings.agents)
    for finding in examine(("state",)):
        if finding.state is BadgeState.FAIL:
            raise UserFacingError(finding.text, finding.remedy)
    engine = Engine.connect()
    for line in reconcile(engine, paths.home()).removed:
        print(f"  cleaned up: {line}")
    info = engine.info()
    mode = network_mode(settings.network.mode, sys.platform, info, platform.release())
    image = _agent_image(engine, adapter)
    sidecar = ""
    if mode == "tcp":
        sidecar = settings.network.sidecar_image or built_image(engine, SIDECAR)
    size = shutil.get_terminal_size()
    rehearsal = options.rehearsal or bool(old and old.rehearsal)
    session = supervisor.run(
        LaunchRequest(
            session_id=paths.new_session_id(),
            workspace=str(place),
            agent=adapter.name,
            model=options.model or (old.model if old else settings.session.model),
            rehearsal=rehearsal,
            image=image,
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
    )
    record = registry.read_record(session)
    if record is not None and record.info.rehearsal and not rehearsal and adapter.providers:
        keys = no_key(adapter)
        print(f"  {MARKS[keys.state]} {keys.text}\n    → {keys.remedy}")
    return session


def _agent_image(engine: Engine, adapter: AgentAdapter) -> str:
    """The tag of the image to start ``adapter`` in, built if need be."""
    own = adapter.settings if isinstance(adapter, Custom) else None
    if own is not None and own.image:
        return on_our_base(engine, own.image)
    if own is not None and own.dockerfile:
        with BuildDisplay(adapter.name) as display:
            return ensure_own_image(engine, adapter.name, Path(own.dockerfile).expanduser(), display.report)
    return built_image(engine, adapter.image)


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


class StartReport:
    """Prints the steps of a start as they are done; with their times when it is told when the start ``began``.

    ``whole``: to the last one. Otherwise until the agent runs.
    """

    def __init__(self, session: paths.SessionPaths, began: float | None, *, whole: bool = True) -> None:
        self._session = session
        self._began = began
        self._whole = whole
        self._printed: set[str] = set()

    def done(self, keeper: StateKeeper) -> bool:
        """Print what is new; whether that was all. UserFacingError when the agent will not run."""
        for step in keeper.steps.values():
            if step.state is not BadgeState.PENDING and step.step not in self._printed:
                self._printed.add(step.step)
                took = f"{step.ms:7.0f} ms" if step.ms is not None and self._began is not None else ""
                print(f"  {MARKS[step.state]} {step.step:<24}{took}  {step.detail}".rstrip(), flush=True)
        if keeper.status in {SessionStatus.ENDED, SessionStatus.LOST}:
            remedy = next((notice.remedy for notice in reversed(keeper.notices) if notice.remedy), "")
            raise UserFacingError(
                keeper.status_detail or "The session did not start.",
                remedy or f"Its log: {self._session.supervisor_log}",
            )
        last = keeper.steps.get(LAST_STEP)
        finished = last is not None and last.state is not BadgeState.PENDING
        started = finished if self._whole else keeper.status is not SessionStatus.STARTING
        if started and self._began is not None:
            print(f"    {'in all':<24}{(time.perf_counter() - self._began) * 1000:7.0f} ms")
        return started


async def states(
    client: ControlClient, session: paths.SessionPaths
) -> AsyncGenerator[tuple[StateKeeper, AnyEvent | None]]:
    """The session's state now and after each event, with the event, until the supervisor says goodbye.

    Closes ``client`` in the end. UserFacingError when the supervisor ends without a word.
    """
    keeper = StateKeeper.restore(client.state)
    try:
        yield keeper, None
        async for message in client:
            if isinstance(message, Welcome):
                keeper = StateKeeper.restore(message.state)
                yield keeper, None
            elif isinstance(message, Events):
                for numbered in message.events:
                    keeper.apply(numbered)
                    yield keeper, numbered.event
    except ConnectionError as error:
        raise UserFacingError("The supervisor ended unexpectedly.", f"Its log: {session.supervisor_log}") from error
    finally:
        await client.close()


async def follow_start(session: paths.SessionPaths, began: float | None, *, whole: bool = True) -> None:
    """Print the steps of the start as they are done; UserFacingError when it fails. As for ``StartReport``."""
    report = StartReport(session, began, whole=whole)
    client = await ControlClient.connect(session.control_socket, decides=False)
    async with aclosing(states(client, session)) as following:
        async for keeper, _ in following:
            if report.done(keeper):
                return
