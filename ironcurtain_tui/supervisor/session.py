"""One session's life: it starts, serves its viewers, and is taken apart in reverse."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from ironcurtain_tui import paths
from ironcurtain_tui.agents import agent
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.failures import EngineRefusedError, EngineUnavailableError
from ironcurtain_tui.control.messages import (
    ClientMessage,
    Focus,
    Key,
    Mouse,
    Paste,
    ReadHistory,
    Resize,
    ScreenUpdate,
    StopSession,
)
from ironcurtain_tui.control.server import ControlServer, ScreenDamage, Viewer
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import AgentExited, BadgeState, SessionInfo, SessionState, SessionStatus
from ironcurtain_tui.sessions import registry, spare
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor.access import Accesses
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.assembly import DOORS, Assembly
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.chronicle import Chronicle
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.task_run import TaskRun
from ironcurtain_tui.supervisor.teardown import Teardown
from ironcurtain_tui.supervisor.way_out import WayOut
from ironcurtain_tui.tasks import TaskOwner

log = logging.getLogger(__name__)

LINGER_SECONDS = 3600.0
"""How long an ended session stays up for the viewers that still look at its last screen."""
FAREWELL_SECONDS = 5.0
"""How long a session that could not start waits for somebody to tell it to."""
SPARE_SECONDS = 10.0
"""From the end of the start until a spare supervisor begins to load its libraries, for a second or two."""
ENGINE_RETRY_SECONDS = 2.0
ENGINE_GIVE_UP_SECONDS = 600.0


class Session:
    """Runs one LaunchRequest. It is what the control server serves (``Served``)."""

    def __init__(
        self, request: LaunchRequest, accesses: Accesses, way_out: WayOut, groundwork: Groundwork | None = None
    ) -> None:
        self._paths = paths.SessionPaths.of(request.session_id)
        adapter = agent(request.agent, request.config.agents)
        self._tasks = TaskOwner(on_failure=self._task_failed)
        self._teardown = Teardown()
        self._server = ControlServer(self._paths.control_socket, self)
        self._bulletin = Bulletin(
            SessionInfo(
                id=request.session_id,
                agent=adapter.name,
                agent_title=adapter.title,
                workspace=request.workspace,
                rehearsal=accesses.rehearsal,
                network_mode=request.network_mode,
                started=time.time(),
                model=request.model,
                conversation=request.conversation if adapter.state else "",
                resumes=request.resumes,
                task=request.task.title if request.task is not None else "",
                limits=request.limits.words if request.limits is not None else "",
            ),
            self._server.publish,
        )
        self._chronicle = Chronicle(self._paths, self._bulletin)
        self._rooms = Assembly(
            request,
            adapter,
            accesses,
            way_out,
            self._paths,
            self._server,
            self._bulletin,
            self._chronicle,
            self._tasks,
            self._teardown,
            lambda: not self._stop.is_set(),
            groundwork,
        )
        self._request = request
        self._was_spare = groundwork is not None
        self._accesses = accesses
        self._task: TaskRun | None = None
        self._stop_reason = ""
        self._stop = asyncio.Event()
        self._viewers_changed = asyncio.Event()

    @classmethod
    def for_request(cls, request: LaunchRequest, groundwork: Groundwork | None = None) -> Session:
        """Look up the real keys and make the session. UserFacingError when a named source gives no key.

        ``groundwork``, if it was laid for the request's session id, is the session's own as soon as it runs.
        """
        adapter = agent(request.agent, request.config.agents)
        way_out = WayOut(request.config.network)
        accesses = Accesses.find(adapter, request.config, rehearsal=request.rehearsal, way_out=way_out)
        return cls(request, accesses, way_out, groundwork)

    # --- life ----------------------------------------------------------------------------------------

    async def run(self, listening: Callable[[], object]) -> None:
        """Start, serve until the agent or the person ends it, and remove everything but the records.

        ``listening`` is called as soon as viewers can connect. UserFacingError when it does not come that far.
        """
        self._paths.create()
        # The last to go before the end is recorded: what it takes is room for that on a disk that is full.
        self._teardown.push("sockets", lambda: asyncio.to_thread(shutil.rmtree, self._paths.sockets))
        registry.take_lease(self._paths, ProcessIdentity.current())
        registry.write_json(self._paths.record, registry.SessionRecord(info=self._bulletin.keeper.info))
        if (limits := self._request.limits) is not None:
            state = BadgeState.WARN if limits.unheld else BadgeState.OK
            self._bulletin.badge("limits", state, limits.short, limits.words)
        await self._server.start()
        listening()
        reason, exit_code = self._stop_reason, None
        try:
            if not self._stop.is_set():  # else nobody wants an agent any more, not for a moment
                await self._rooms.start()
                self._tasks.start(self._leave_spare(), "spare")
                exit_code = await self._until_over()
                reason = self._stop_reason or self._task_words() or f"the agent exited with code {exit_code}"
        except UserFacingError as error:
            reason = error.message
            self._bulletin.notice(BadgeState.FAIL, error.message, error.remedy)
        except Exception as error:  # shown to the person; everything is taken down
            log.exception("the session failed")
            reason = f"Unexpected error: {error}"
            self._bulletin.notice(BadgeState.FAIL, reason, f"Please report it with {self._paths.supervisor_log}.")
        finally:
            await self._end(reason, exit_code)

    async def _leave_spare(self) -> None:
        """Once the start is well over: have another supervisor ready for when the person wants another session.

        For whoever looks at this one, and in the place of the spare that this one was.
        """
        await asyncio.sleep(SPARE_SECONDS)
        if self._request.config.session.standby and (self._server.deciders or self._was_spare):
            try:
                await asyncio.to_thread(spare.leave, self._paths.root, spare.LEFT_FROM)
            except (UserFacingError, OSError) as error:  # the next start takes longer, and tells if that is a trouble
                log.warning("no spare supervisor was left: %s", error)

    def request_stop(self, reason: str) -> None:
        """End the session now, whatever it does."""
        self._stop_reason = self._stop_reason or reason
        self._stop.set()
        self._viewers_changed.set()

    async def _until_over(self) -> int | None:
        """Wait for the agent's exit or a request to stop; the exit code, None when there is none."""
        exited = self._tasks.start(self._agent_exit(), "agent's exit")
        stopped = self._tasks.start(self._stop.wait(), "stop")
        await asyncio.wait({exited, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if not exited.done():
            return None
        code: int | None = exited.result()
        self._bulletin.publish(AgentExited(exit_code=code))
        return code

    async def _agent_exit(self) -> int | None:
        container = self._rooms.container
        if container is None:
            raise AssertionError("the agent was not started")
        try:
            if (task := self._new_task()) is not None:
                await self._chronicle.log.append_async("task.start", self._bulletin.keeper.info.task, data=task.record)
                code = await task.run(container)
            else:
                code = await asyncio.to_thread(container.wait)
            # Now, and not with the rest: an engine that is shut down ends its containers first, and is then gone.
            with suppress(EngineRefusedError):  # the teardown tries again, and tells
                await asyncio.to_thread(container.remove)
            return code
        except EngineUnavailableError as error:
            await self._engine_lost(container, error)
            return None

    def _new_task(self) -> TaskRun | None:
        request, launch, terminal = self._request.task, self._rooms.task, self._rooms.terminal
        if request is None or launch is None or terminal is None:
            return None
        self._task = TaskRun(request, launch, terminal, self._bulletin, self._accesses.hosts)
        return self._task

    def _task_words(self) -> str:
        result = None if self._task is None else self._task.result
        return "" if result is None else f"task: {result.outcome.value}"

    async def _engine_lost(self, container: AgentContainer, error: EngineUnavailableError) -> None:
        """Close both doors, say so, and remove the container as soon as an engine answers again."""
        await self._teardown.run(DOORS)
        self._stop_reason = "the Docker Engine went away; both doors were closed"
        self._bulletin.status(SessionStatus.LOST, self._stop_reason)
        self._bulletin.notice(BadgeState.FAIL, error.message, error.remedy)
        await self._chronicle.record("engine.lost", error.message)
        deadline = time.monotonic() + ENGINE_GIVE_UP_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            try:
                await asyncio.to_thread(container.remove)
            except UserFacingError:
                await asyncio.sleep(ENGINE_RETRY_SECONDS)
            else:
                return

    async def _end(self, reason: str, exit_code: int | None) -> None:
        if self._task is not None:
            await self._task.close(reason, stopped=self._stop.is_set())
        failed = await self._teardown.run()
        if failed:
            self._bulletin.notice(
                BadgeState.FAIL, f"Could not clean up: {', '.join(failed)}.", "Run `ironcurtain-tui gc`."
            )
        result = None if self._task is None else self._task.result
        about = {} if result is None else {"task": result.brief}
        data = {"exit_code": exit_code, "not_cleaned_up": failed, **about}
        await self._chronicle.record("session.end", reason, data)
        self._bulletin.status(SessionStatus.ENDED, reason)
        close_record = partial(registry.close_record, self._paths, reason, exit_code, result, failed)
        with suppress(OSError):  # tried again
            close_record()
        await self._linger()
        rest = Teardown()  # newest first
        rest.push("spare's time", lambda: asyncio.to_thread(spare.renew, self._paths.root))
        rest.push("run directory", lambda: asyncio.to_thread(self._release, close_record))
        rest.push("audit log", self._chronicle.close)
        rest.push("tasks", self._tasks.close)
        if self._rooms.terminal is not None:
            rest.push("screen", self._rooms.terminal.close)
        rest.push("viewers", lambda: self._server.close(reason))
        await rest.run()

    def _release(self, close_record: Callable[[], None]) -> None:
        """Nothing is left to be done then; while the end cannot be noted, something is (OSError), by ``gc``."""
        close_record()
        registry.release(self._paths)

    async def _linger(self) -> None:
        """Stay for those who still look at the last screen, unless the person asked for the end.

        When the start failed, whoever asked for it may not be there yet: it must hear why.
        """
        if not self._rooms.finished:
            await self._viewers_until(present=True, seconds=FAREWELL_SECONDS)
        await self._viewers_until(present=False, seconds=LINGER_SECONDS)

    async def _viewers_until(self, *, present: bool, seconds: float) -> None:
        """Wait until there are viewers, or none, or the person wants the end; at most ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                while bool(self._server.viewers) is not present and not self._stop.is_set():
                    self._viewers_changed.clear()
                    await self._viewers_changed.wait()
        except TimeoutError:
            pass

    def _task_failed(self, name: str, error: BaseException) -> None:
        self._bulletin.notice(
            BadgeState.FAIL, f"Internal error in {name}: {error}", f"See {self._paths.supervisor_log}."
        )

    # --- Served --------------------------------------------------------------------------------------

    def snapshot(self) -> SessionState:
        return self._bulletin.keeper.snapshot()

    def watch_screen(self) -> ScreenDamage:
        return _LateScreen(self)

    @property
    def terminal(self) -> AgentTerminal | None:
        """The agent's terminal, once the start has come that far."""
        return self._rooms.terminal

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        if isinstance(message, StopSession):
            self.request_stop("stopped by the person")
        if self._rooms.gatehouse is not None:
            self._rooms.gatehouse.on_message(viewer, message)
        terminal = self.terminal
        if terminal is None:
            return
        match message:
            case Key() | Paste() | Mouse() | Focus() if self._request.task is None:
                terminal.type(message)
            case Resize(cols=cols, lines=lines):
                terminal.resize(cols, lines)
            case ReadHistory():
                terminal.answer_history(viewer, message)
            case _:
                pass

    def on_viewers_changed(self) -> None:
        self._viewers_changed.set()


class _LateScreen:
    """A viewer's damage that works before there is a screen."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._damage: ScreenDamage | None = None

    def take(self) -> ScreenUpdate | None:
        if self._damage is None and self._session.terminal is not None:
            self._damage = self._session.terminal.watch()
        return None if self._damage is None else self._damage.take()
