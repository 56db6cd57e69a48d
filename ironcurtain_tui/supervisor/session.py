"""One session from start to end: every room put together, in order, and taken apart in reverse.

What takes long to import (mitmproxy, the MCP SDK) is loaded in a thread once control.sock is open, while other
processes start the container and the screen.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from ironcurtain_tui import __version__, paths
from ironcurtain_tui.agents import agent
from ironcurtain_tui.agents.base import AgentContext, AgentLaunch, orientation
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog, AuditUnavailable
from ironcurtain_tui.audit.redact import Redactor
from ironcurtain_tui.config import ProviderSettings
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.environment import door_environment
from ironcurtain_tui.containers.failures import EngineUnavailableError
from ironcurtain_tui.containers.identity import Identity, agent_identity
from ironcurtain_tui.containers.network import SessionNetwork, door_address
from ironcurtain_tui.containers.self_test import SelfTest
from ironcurtain_tui.containers.spec import ContainerSpec
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
from ironcurtain_tui.credentials import sentinel
from ironcurtain_tui.credentials.secret import Secret
from ironcurtain_tui.credentials.sources import resolve
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import (
    AgentExited,
    AuditAppended,
    AuditLine,
    BadgeState,
    BellRang,
    Decision,
    Flow,
    FlowChanged,
    FlowState,
    ScreenRestarted,
    SessionInfo,
    SessionState,
    SessionStatus,
    TitleChanged,
)
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.load import USER_ANNOTATIONS, USER_FILE, build_policy
from ironcurtain_tui.policy.rules import PolicyDocument
from ironcurtain_tui.providers.anthropic import ANTHROPIC
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.route import Route, Upstream
from ironcurtain_tui.supervisor import doors, registry
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.backtest import past_logs
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.doorway import Doorway, TcpPart
from ironcurtain_tui.supervisor.gatehouse import Gatehouse
from ironcurtain_tui.supervisor.identity import ProcessIdentity
from ironcurtain_tui.supervisor.live_policy import USER, LivePolicy
from ironcurtain_tui.supervisor.policy_watch import PolicyWatch
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.teardown import Teardown
from ironcurtain_tui.tasks import TaskOwner, together
from ironcurtain_tui.terminal.emulator import EmulatorEvents

log = logging.getLogger(__name__)

IDLE_AFTER = 1.0
"""Seconds without a model call under way until the agent counts as idle."""
LINGER_SECONDS = 3600.0
"""How long an ended session stays up for the viewers that still look at its last screen."""
FAREWELL_SECONDS = 5.0
"""How long a session that could not start waits for somebody to tell it to."""
ENGINE_RETRY_SECONDS = 2.0
ENGINE_GIVE_UP_SECONDS = 600.0
STOP_GRACE_SECONDS = 2.0


class Session:
    """Runs one LaunchRequest. It is what the control server serves (``Served``)."""

    def __init__(self, request: LaunchRequest, key: Secret | None) -> None:
        """``key``: the provider's real key; without one the session is a rehearsal."""
        self._request = request
        self._key = key
        self._paths = paths.SessionPaths.of(request.session_id)
        self._adapter = agent(request.agent)
        self._loop = asyncio.get_running_loop()
        self._tasks = TaskOwner(on_failure=self._task_failed)
        self._teardown = Teardown()
        self._server = ControlServer(self._paths.control_socket, self)
        self._bulletin = Bulletin(
            SessionInfo(
                id=request.session_id,
                agent=self._adapter.name,
                agent_title=self._adapter.title,
                workspace=request.workspace,
                rehearsal=key is None,
                network_mode=request.network_mode,
                started=time.time(),
                model=request.model,
            ),
            self._server.publish,
        )
        self._terminal: AgentTerminal | None = None
        self._container: AgentContainer | None = None
        self._network: SessionNetwork | None = None
        self._token = secrets.token_hex(16)
        self._released = False
        self._audit: AuditLog | None = None
        self._stop_reason = ""
        self._stop = asyncio.Event()
        self._viewers_changed = asyncio.Event()
        self._gatehouse: Gatehouse | None = None
        self._open_flows: set[str] = set()
        self._waiting = 0
        self._idle_timer: asyncio.TimerHandle | None = None

    @classmethod
    def for_request(cls, request: LaunchRequest) -> Session:
        """Look up the real key and make the session. UserFacingError when a named source gives no key."""
        settings = request.config.providers.get(ANTHROPIC.name, ProviderSettings())
        return cls(request, None if request.rehearsal else resolve(ANTHROPIC, settings))

    # --- life ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start, serve until the agent or the person ends it, and remove everything but the records."""
        self._paths.create()
        registry.take_lease(self._paths, ProcessIdentity.current())
        registry.write_json(self._paths.record, registry.SessionRecord(info=self._bulletin.keeper.info))
        await self._server.start()
        reason, exit_code = "", None
        try:
            await self._start()
            exit_code = await self._until_over()
            reason = self._stop_reason or f"the agent exited with code {exit_code}"
        except UserFacingError as error:
            reason = error.message
            self._bulletin.notice(BadgeState.FAIL, error.message, error.remedy)
        except Exception as error:  # shown to the person; everything is taken down
            log.exception("the session failed")
            reason = f"Unexpected error: {error}"
            self._bulletin.notice(BadgeState.FAIL, reason, f"Please report it with {self._paths.supervisor_log}.")
        finally:
            await self._end(reason, exit_code)

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
        container = self._container
        if container is None:
            raise AssertionError("the agent was not started")
        try:
            return await asyncio.to_thread(container.wait)
        except EngineUnavailableError as error:
            await self._engine_lost(container, error)
            return None

    async def _engine_lost(self, container: AgentContainer, error: EngineUnavailableError) -> None:
        """Close both doors, say so, and remove the container as soon as an engine answers again."""
        await self._teardown.run(frozenset({"proxy", "tool gateway"}))
        self._stop_reason = "the Docker Engine went away; both doors were closed"
        self._bulletin.status(SessionStatus.LOST, self._stop_reason)
        self._bulletin.notice(BadgeState.FAIL, error.message, error.remedy)
        await self._record("engine.lost", error.message)
        deadline = time.monotonic() + ENGINE_GIVE_UP_SECONDS
        while time.monotonic() < deadline and not self._stop.is_set():
            try:
                await asyncio.to_thread(container.remove)
            except UserFacingError:
                await asyncio.sleep(ENGINE_RETRY_SECONDS)
            else:
                return

    async def _end(self, reason: str, exit_code: int | None) -> None:
        failed = await self._teardown.run()
        if failed:
            self._bulletin.notice(
                BadgeState.FAIL, f"Could not clean up: {', '.join(failed)}.", "Run `ironcurtain-tui gc`."
            )
        await self._record("session.end", reason, {"exit_code": exit_code, "not_cleaned_up": failed})
        self._bulletin.status(SessionStatus.ENDED, reason)
        registry.close_record(self._paths, reason, exit_code)
        await self._linger()
        await self._server.close(reason)
        if self._terminal is not None:
            await self._terminal.close()
        await self._tasks.close()
        if self._audit is not None:
            await asyncio.to_thread(self._audit.close)
        registry.release(self._paths)

    async def _linger(self) -> None:
        """Stay for those who still look at the last screen, unless the person asked for the end.

        When the start failed, whoever asked for it may not be there yet: it must hear why.
        """
        if not self._released:
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

    # --- start ---------------------------------------------------------------------------------------

    async def _start(self) -> None:
        loading = self._tasks.start(asyncio.to_thread(_load_doors), "load doors")
        bulletin, fake = self._bulletin, sentinel.mint(ANTHROPIC.key_prefix)
        real = self._key or Secret(sentinel.mint("rehearsal-"))
        async with bulletin.step("audit log"):
            audit = await self._open_audit(real, fake)
        async with bulletin.step("policy"):
            policy = await asyncio.to_thread(self._open_policy)
        files = [*self._policy_files().values(), paths.home() / USER_ANNOTATIONS]
        self._tasks.start(PolicyWatch(policy, files, bulletin, self._record).run(), "policy watch")
        gatehouse = self._gatehouse = self._open_gatehouse(policy, audit, fake)
        engine = await asyncio.to_thread(Engine.connect)
        rootless = (await asyncio.to_thread(engine.info)).rootless
        identity = await asyncio.to_thread(agent_identity, Path(self._request.workspace), rootless=rootless)
        shared = identity.uid != self._paths.root.stat().st_uid
        doorway = await asyncio.to_thread(self._find_doorway, engine, shared=shared)
        self._teardown.push("doors", doorway.close)
        context = AgentContext(
            session_id=self._request.session_id,
            sentinels={ANTHROPIC.name: fake},
            model=self._request.model,
            rehearsal=self._key is None,
            runs_as_root=identity.is_root,
            allowed_hosts=tuple(host.name for host in ANTHROPIC.hosts),
            mcp_bridge=doorway.mcp_bridge,
        )
        launch = self._adapter.prepare(context)
        authority = await asyncio.to_thread(CertificateAuthority.load_or_create, paths.home() / "ca")
        doors.furnish(self._paths, authority.certificate_pem, authority.bundle(), launch.seed, doorway)
        try:
            await together(
                self._start_container(engine, launch, identity, doorway),
                self._open_doors(context, authority, policy, gatehouse, fake, real, loading, doorway),
            )
        finally:
            self._teardown.push("container", self._end_container)  # the first to go
        container = self._container
        if container is None:
            raise AssertionError("there is a container, or an error was raised")
        async with bulletin.step("self-test"):
            await self._self_test(engine, container)
        if identity.is_root:
            bulletin.badge(
                "user",
                BadgeState.WARN,
                "agent is uid 0",
                "Root owns the workspace, so the agent is root, without any capability.",
            )
        await audit.append_async("agent.start", f"{self._adapter.title} runs", data={"command": list(launch.command)})
        await asyncio.to_thread(container.release)
        self._released = True
        bulletin.status(SessionStatus.IDLE)

    async def _open_doors(
        self,
        context: AgentContext,
        authority: CertificateAuthority,
        policy: LivePolicy,
        gatehouse: Gatehouse,
        fake: str,
        real: Secret,
        loading: asyncio.Task[None],
        doorway: Doorway,
    ) -> None:
        """Proxy and gateway, and the scripted model of a rehearsal."""
        async with self._bulletin.step("libraries"):
            await loading
        from ironcurtain_tui.gateway.domain_requests import DomainRequests
        from ironcurtain_tui.gateway.orientation import Orientation
        from ironcurtain_tui.gateway.server import Gateway
        from ironcurtain_tui.proxy.server import Proxy
        from ironcurtain_tui.supervisor.tool_servers import ToolServers

        upstream = self._configured_upstream()
        if self._key is None:
            async with self._bulletin.step("scripted model"):
                upstream = await self._start_rehearsal(real)
        async with self._bulletin.step("proxy"):
            proxy = Proxy(
                doorway.proxy,
                authority,
                [Route(ANTHROPIC, fake, real, upstream)],
                gatehouse.gatekeeper,
                self._flow_changed,
                upstreams=self._configured_hosts(),
                names_address=policy.names_address,
                token=None if doorway.tcp is None else doorway.tcp.token,
            )
            await proxy.start()
            self._teardown.push("proxy", proxy.stop)
            gatehouse.watch(proxy)
        async with self._bulletin.step("tool gateway"):
            workspace = Path(self._request.workspace)
            tools = ToolServers(self._request.config.mcp, workspace, self._paths.kept, self._bulletin)
            gateway = Gateway(
                doorway.gateway,
                [
                    Orientation(lambda: orientation(context)),
                    DomainRequests(lambda: (*context.allowed_hosts, *gatehouse.open_hosts)),
                    *tools.all,
                ],
                gatehouse.gatekeeper,
                workspace=WorkspacePaths(workspace),
                path_arguments=lambda call: policy.current.path_arguments(call),
            )
            tools.on_change = gateway.announce_changes
            self._teardown.push("tool servers", tools.stop)
            tools.start()  # they get ready while the container does
            await gateway.start()
            self._teardown.push("tool gateway", gateway.stop)

    def _find_doorway(self, engine: Engine, *, shared: bool) -> Doorway:
        if self._request.network_mode == "uds":
            return Doorway.of_sockets(self._paths, shared=shared)
        return Doorway.of_ports(door_address(engine, sys.platform), self._token)

    async def _join_network(self, engine: Engine, part: TcpPart) -> SessionNetwork:
        """TCP mode: what stands between the agent's container and the doors."""
        async with self._bulletin.step("network"):
            labels, image = ProcessIdentity.current().labels(), self._request.sidecar_image
            create = partial(SessionNetwork.create, engine, self._request.session_id, image)
            network = await asyncio.to_thread(create, part.ports, part.address, labels)
            self._teardown.push("network", lambda: asyncio.to_thread(network.remove))
            return network

    async def _open_audit(self, real: Secret, fake: str) -> AuditLog:
        notary = await asyncio.to_thread(AuditDirectory(self._paths.root).notary)
        self._audit = await asyncio.to_thread(
            AuditLog.open,
            self._paths.audit_log,
            self._request.session_id,
            redact=Redactor.configured(self._request.config.redaction, [real.reveal(), fake, self._token]),
            publish=self._audit_stored,
            notary=notary,
            on_unsigned=self._audit_unsigned,
        )
        await self._audit.append_async(
            "session.start",
            f"{self._adapter.title} on {self._request.workspace}",
            data={"version": __version__, "info": msgspec.to_builtins(self._bulletin.keeper.info)},
        )
        self._bulletin.badge(
            "chain",
            BadgeState.OK,
            "chain",
            "Every audit record carries the hash of the one before it; every 256 of them, or 30 s, are signed.",
        )
        return self._audit

    def _open_policy(self) -> LivePolicy:
        def build(documents: Mapping[str, PolicyDocument]) -> Policy:
            return build_policy(documents, ANTHROPIC.rules(), Path(self._request.workspace), paths.home())

        return LivePolicy(self._policy_files(), build, partial(past_logs, paths.home()))

    def _policy_files(self) -> dict[str, Path]:
        """The strongest first."""
        return {"session": self._paths.policy, USER: paths.home() / USER_FILE}

    def _open_gatehouse(self, policy: LivePolicy, audit: AuditLog, fake: str) -> Gatehouse:
        gatehouse = Gatehouse(
            policy,
            audit,
            self._bulletin,
            self._request.config.approvals,
            asker=self._adapter.title,
            sentinels=(fake,),
            viewers=lambda: len(self._server.viewers),
            record=self._record,
            on_waiting=self._waiting_changed,
            on_unavailable=self._audit_failed,
            cut_doors=self._cut_doors,
        )
        self._teardown.push("approvals", gatehouse.close)
        return gatehouse

    async def _cut_doors(self) -> None:
        await self._teardown.run(frozenset({"proxy", "tool gateway"}))
        cut = "Both doors are shut for good: the agent is cut off."
        self._bulletin.notice(BadgeState.WARN, cut, "Stop the session when you are done.")

    def _configured_hosts(self) -> dict[str, Upstream]:
        hosts = self._request.config.web.hosts
        return {name: _upstream(each.upstream, each.ca) for name, each in hosts.items()}

    async def _start_rehearsal(self, key: Secret) -> Upstream:
        from ironcurtain_tui.rehearsal.model import RehearsalModel

        model = RehearsalModel(key.reveal(), host=ANTHROPIC.hosts[0].name)
        await model.start()
        self._teardown.push("scripted model", model.stop)
        return Upstream("127.0.0.1", model.port, model.ca_pem)

    def _configured_upstream(self) -> Upstream | None:
        settings = self._request.config.providers.get(ANTHROPIC.name, ProviderSettings())
        if self._key is None or not settings.upstream:
            return None
        upstream = _upstream(settings.upstream, settings.upstream_ca)
        detail = f"{ANTHROPIC.title} is reached through {settings.upstream}, as config.toml says."
        self._bulletin.badge("upstream", BadgeState.WARN, "own gateway", detail)
        return upstream

    async def _open_terminal(self) -> None:
        publish = self._bulletin.publish
        events = EmulatorEvents(
            on_update=self._server.screen_changed,
            on_title=lambda title: publish(TitleChanged(title=title)),
            on_bell=lambda: publish(BellRang()),
            on_restart=self._screen_restarted,
        )
        async with self._bulletin.step("screen"):
            self._terminal = await AgentTerminal.open(
                events,
                self._tasks,
                (self._request.cols, self._request.lines),
                self._paths.recording,
                self._request.config.recording,
                lambda reason: self._bulletin.notice(BadgeState.WARN, reason, ""),
            )

    async def _start_container(self, engine: Engine, launch: AgentLaunch, identity: Identity, doorway: Doorway) -> None:
        """Screen and container; the agent in it is held back until it is released."""
        settings = self._request.config.container
        spec = ContainerSpec(
            session_id=self._request.session_id,
            image=self._request.image,
            command=launch.command,
            env={**door_environment(doorway.proxy_url), **launch.env},
            sockets_dir=self._paths.sockets,
            workspace=Path(self._request.workspace),
            uid=identity.uid,
            gid=identity.gid,
            memory_bytes=settings.memory_bytes,
            cpus=settings.cpus,
            pids=settings.pids,
            cols=self._request.cols,
            lines=self._request.lines,
            labels=ProcessIdentity.current().labels(),
        )

        async def create() -> None:
            network = None
            if doorway.tcp is not None:
                self._network = await self._join_network(engine, doorway.tcp)
                network = self._network.agents_part
            self._container = await asyncio.to_thread(engine.create, replace(spec, network=network))

        async with self._bulletin.step("container"):
            await together(self._open_terminal(), create())
            terminal, container = self._terminal, self._container
            if terminal is None or container is None:
                raise AssertionError("both are there, or an error was raised")
            terminal.attach(container, await asyncio.to_thread(container.attach), self._stream_ended)
            await asyncio.to_thread(container.start)

    async def _end_container(self) -> None:
        if self._container is not None:
            await asyncio.to_thread(_remove_container, self._container)

    async def _self_test(self, engine: Engine, container: AgentContainer) -> None:
        report = await asyncio.to_thread(SelfTest(engine, container, self._network).run)
        findings = [msgspec.to_builtins(finding) for finding in report.findings]
        await self._record("self-test", "passed" if report.passed else "FAILED", {"findings": findings})
        if report.passed:
            self._bulletin.badge("egress", BadgeState.OK, "no-egress", "; ".join(one.name for one in report.findings))
            return
        failures = "; ".join(f"{one.name}: {one.detail}" for one in report.failures)
        self._bulletin.badge("egress", BadgeState.FAIL, "EGRESS", failures)
        raise UserFacingError(
            f"The container is not sealed, so the agent was not started. {failures}",
            "Check the engine's network settings; `ironcurtain-tui doctor` may tell more.",
        )

    # --- what the rooms tell -------------------------------------------------------------------------

    def _flow_changed(self, flow: Flow) -> None:
        self._bulletin.publish(FlowChanged(flow=flow))
        if self._gatehouse is not None:
            self._gatehouse.flow_changed()
        over = flow.state in {FlowState.DONE, FlowState.ERROR}
        if flow.decision is not Decision.ALLOW:
            return
        if over:
            self._open_flows.discard(flow.id)
            outcome = msgspec.to_builtins(flow)
            summary = f"{flow.method} {flow.host}{flow.path}"
            # Its intent is on the disk; a flush for the outcome too would hold up the intent of the next request.
            self._tasks.start(self._record("request.end", summary, outcome, durable=False), "outcome")
        else:
            self._open_flows.add(flow.id)
        self._note_activity()

    def _note_activity(self) -> None:
        """Waiting while a person is asked; else running while a call is under way; idle a moment after the last one."""
        if self._idle_timer is not None:
            self._idle_timer.cancel()
            self._idle_timer = None
        if self._bulletin.keeper.status not in {SessionStatus.RUNNING, SessionStatus.IDLE, SessionStatus.WAITING}:
            return
        if self._waiting:
            self._bulletin.status(SessionStatus.WAITING)
        elif self._open_flows:
            self._bulletin.status(SessionStatus.RUNNING)
        else:
            self._idle_timer = self._loop.call_later(IDLE_AFTER, self._become_idle)

    def _become_idle(self) -> None:
        if self._bulletin.keeper.status in {SessionStatus.RUNNING, SessionStatus.WAITING}:
            self._bulletin.status(SessionStatus.IDLE)

    def _waiting_changed(self, count: int) -> None:
        self._waiting = count
        self._note_activity()

    def _audit_stored(self, line: AuditLine) -> None:
        """Called in the log's own thread."""
        self._loop.call_soon_threadsafe(self._audit_told, line)

    def _audit_told(self, line: AuditLine) -> None:
        self._bulletin.publish(AuditAppended(line=line))
        if self._terminal is not None:
            self._terminal.mark(line)

    def _audit_failed(self, error: AuditUnavailable) -> None:
        self._bulletin.badge("chain", BadgeState.FAIL, "NO AUDIT", error.message)
        self._bulletin.notice(BadgeState.FAIL, f"{error.message} Nothing is let through until it can.", error.remedy)

    def _audit_unsigned(self, error: UserFacingError) -> None:
        """Called in the log's own thread."""
        notice = (BadgeState.WARN, f"{error.message} The audit log goes on, unsigned for now.", error.remedy)
        self._loop.call_soon_threadsafe(self._bulletin.notice, *notice)

    async def _record(self, kind: str, summary: str, data: object = None, *, durable: bool = True) -> None:
        """Record something that happened already; a failure is shown, not raised.

        Without ``durable`` it survives the death of every process at once, and a power cut within 30 s.
        """
        if self._audit is None:
            return
        try:
            details = data if isinstance(data, dict) else None
            await self._audit.append_async(kind, summary, data=details, durable=durable)
        except AuditUnavailable as error:
            self._audit_failed(error)

    def _screen_restarted(self, reason: str) -> None:
        self._bulletin.publish(ScreenRestarted(reason=reason))
        self._bulletin.notice(BadgeState.WARN, f"The screen process crashed: {reason}.", "The agent was not affected.")

    def _stream_ended(self, error: OSError | None) -> None:
        log.info("the agent's terminal closed: %s", error or "end of stream")

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
        return self._terminal

    def on_message(self, viewer: Viewer, message: ClientMessage) -> None:
        if isinstance(message, StopSession):
            self.request_stop("stopped by the person")
        if self._gatehouse is not None:
            self._gatehouse.on_message(viewer, message)
        terminal = self._terminal
        if terminal is None:
            return
        match message:
            case Key() | Paste() | Mouse() | Focus():
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


def _upstream(address: str, ca: str) -> Upstream:
    host, _, port = address.rpartition(":")
    try:
        authority = Path(ca).expanduser().read_bytes()
    except OSError as error:
        raise UserFacingError(f"Cannot read the authority of {address}: {error}.", "Correct config.toml.") from error
    return Upstream(host.strip("[]"), int(port), authority)


def _load_doors() -> None:
    """Import what the doors are made of: a second of work, after which their imports cost nothing."""
    import ironcurtain_tui.gateway.orientation
    import ironcurtain_tui.gateway.server
    import ironcurtain_tui.proxy.server
    import ironcurtain_tui.supervisor.tool_servers  # noqa: F401 -- loaded, not used here


def _remove_container(container: AgentContainer) -> None:
    """Blocks up to the grace period, then kills."""
    container.stop(STOP_GRACE_SECONDS)
    container.remove()
