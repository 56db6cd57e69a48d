"""The start of a session: every room built, in order, and connected with the others.

What takes long to import (mitmproxy, the MCP SDK) is loaded in a thread, while other processes start the container
and the screen.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import msgspec

from ironcurtain_tui import __version__, paths
from ironcurtain_tui.agents.base import HOME, AgentAdapter, AgentContext, AgentLaunch, orientation
from ironcurtain_tui.agents.task import TaskLaunch
from ironcurtain_tui.audit.redact import KnownSecrets, Redactor
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.environment import CA_BUNDLE, door_environment
from ironcurtain_tui.containers.identity import Identity, agent_identity
from ironcurtain_tui.containers.network import SessionNetwork, door_address
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.containers.spec import ContainerSpec
from ironcurtain_tui.control.server import ControlServer
from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import (
    LAST_STEP,
    BadgeState,
    BellRang,
    Decision,
    Flow,
    FlowChanged,
    ScreenRestarted,
    SessionStatus,
    TitleChanged,
)
from ironcurtain_tui.gateway.workspace_paths import WorkspacePaths
from ironcurtain_tui.models.model import configured
from ironcurtain_tui.policy.decide import Policy
from ironcurtain_tui.policy.load import USER_ANNOTATIONS, USER_FILE, build_policy
from ironcurtain_tui.policy.rules import PolicyDocument
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.parent import Parents
from ironcurtain_tui.proxy.route import Route, Upstream
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor import doors
from ironcurtain_tui.supervisor.access import Access, Accesses
from ironcurtain_tui.supervisor.activity import Activity
from ironcurtain_tui.supervisor.agent_terminal import AgentTerminal
from ironcurtain_tui.supervisor.bulletin import Bulletin
from ironcurtain_tui.supervisor.chronicle import Chronicle
from ironcurtain_tui.supervisor.conversation import Conversation
from ironcurtain_tui.supervisor.credential_news import CredentialNews
from ironcurtain_tui.supervisor.doorway import Doorway, TcpPart
from ironcurtain_tui.supervisor.dropped_input import DroppedInput
from ironcurtain_tui.supervisor.gatehouse.backtest import past_logs
from ironcurtain_tui.supervisor.gatehouse.day_book import DayBook
from ironcurtain_tui.supervisor.gatehouse.gatehouse import Gatehouse
from ironcurtain_tui.supervisor.gatehouse.hearing import Hearing
from ironcurtain_tui.supervisor.gatehouse.live_policy import USER, LivePolicy
from ironcurtain_tui.supervisor.gatehouse.policy_watch import PolicyWatch
from ironcurtain_tui.supervisor.gatehouse.treasurer import Treasurer
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.supervisor.kept_traffic import keep_traffic
from ironcurtain_tui.supervisor.package_registries import PackageRegistries
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.task_run import IDLE_COMMAND
from ironcurtain_tui.supervisor.teardown import Teardown
from ironcurtain_tui.supervisor.way_out import WayOut
from ironcurtain_tui.tasks import TaskOwner, together
from ironcurtain_tui.terminal.emulator import EmulatorEvents

log = logging.getLogger(__name__)

STOP_GRACE_SECONDS = 2.0
END_SECONDS = 1.0
DOORS = frozenset({"proxy", "tool gateway"})
"""What the teardown calls the two ways out."""


class Assembly:
    """Makes the rooms of one session. What must be undone later is pushed on ``teardown``."""

    def __init__(
        self,
        request: LaunchRequest,
        adapter: AgentAdapter,
        accesses: Accesses,
        way_out: WayOut,
        session: paths.SessionPaths,
        server: ControlServer,
        bulletin: Bulletin,
        chronicle: Chronicle,
        tasks: TaskOwner,
        teardown: Teardown,
        wanted: Callable[[], bool],
        groundwork: Groundwork | None = None,
    ) -> None:
        """``wanted``: whether nobody has asked for the end yet.

        ``groundwork``: what was laid for it, if anything; ``start`` uses or removes what of it is at the engine.
        """
        self._request = request
        self._adapter = adapter
        self._accesses = accesses
        self._way_out = way_out
        self._paths = session
        self._server = server
        self._bulletin = bulletin
        self._chronicle = chronicle
        self._activity = Activity(bulletin)
        self._treasurer = Treasurer(
            request.config.budget,
            None if accesses.rehearsal else DayBook(paths.home() / "spending"),
            bulletin,
            accesses.is_model_call,
            asker=adapter.title,
        )
        self._tasks = tasks
        self._teardown = teardown
        self._wanted = wanted
        self._ground = groundwork or Groundwork(request.session_id)
        self._approach = approach = self._ground.approach
        self._token = secrets.token_hex(16) if approach is None else approach.token
        self._packages = PackageRegistries()
        self._secrets = KnownSecrets([*accesses.secrets, self._token])
        """What no record may hold."""
        self._network: SessionNetwork | None = None
        self._namespace = ""
        """The container whose network namespace the agent's is to share, if one was prepared."""
        self.terminal: AgentTerminal | None = None
        """There as soon as the screen process is."""
        self.container: AgentContainer | None = None
        self._test: SelfTest | None = None
        self._doors_near = groundwork is not None
        """Whether proxy and gateway answer, or will in a moment: who has groundwork has their libraries loaded."""
        self._stream: socket.socket | None = None
        """The agent's terminal, until the screen is attached to it."""
        self.gatehouse: Gatehouse | None = None
        self._hearing: Hearing | None = None
        self.task: TaskLaunch | None = None
        """What the agent is to do without a screen, if that is what was asked for."""
        self._clipboard_told = False
        self.finished = False
        """Whether the start came to its end."""

    async def start(self) -> None:
        """Until the agent runs and has its doors. UserFacingError when it may not, or cannot, run."""
        bulletin = self._bulletin
        if self._approach is not None:
            self._teardown.push("network", self._approach.remove)
        async with bulletin.step("audit log"):
            await self._open_chronicle()
        if self._request.config.packages.enabled:
            async with bulletin.step("package registries"):
                self._packages = await asyncio.to_thread(PackageRegistries.find, self._request.config.packages)
                for word in self._packages.secrets:
                    self._secrets.add(word)
                for each in self._packages.unserved:
                    self._bulletin.notice(BadgeState.WARN, f"{each.sentence[:1].upper()}{each.sentence[1:]}.")
        self._accesses.listen(CredentialNews(self._secrets, bulletin, self._chronicle, self._tasks))
        self._teardown.push("keys", self._accesses.close)
        async with bulletin.step("policy"):
            policy = await asyncio.to_thread(self._open_policy)
        gatehouse = self.gatehouse = self._open_gatehouse(policy)
        files = [*self._policy_files().values(), paths.home() / USER_ANNOTATIONS]
        watch = PolicyWatch(policy, files, bulletin, self._chronicle.record, gatehouse.cut)
        self._tasks.start(watch.run(), "policy watch")
        engine = await self._find_engine()
        rootless = (await asyncio.to_thread(engine.info)).rootless
        identity = await asyncio.to_thread(agent_identity, Path(self._request.workspace), rootless=rootless)
        doorway = await self._find_doorway(engine, shared=not identity.is_us)
        self._teardown.push("doors", doorway.close)
        context = AgentContext(
            session_id=self._request.session_id,
            sentinels=self._accesses.sentinels,
            base_urls=self._accesses.base_urls,
            logins=self._accesses.logins,
            model=self._request.model,
            rehearsal=self._accesses.rehearsal,
            runs_as_root=identity.uid == 0,
            allowed_hosts=(*self._accesses.hosts, *self._packages.hosts),
            mcp_bridge=doorway.mcp_bridge,
            conversation=self._request.conversation,
            resumes=bool(self._request.resumes),
        )
        launch = self._adapter.prepare(context)
        if self._request.task is not None:
            self.task = self._adapter.task(context, self._request.task.prompt)
            if self.task is None:
                raise UserFacingError(f"{self._adapter.title} cannot do a task without a screen.", "Use `run`.")
            launch = replace(launch, command=IDLE_COMMAND)
        conversation = Conversation(self._request, self._adapter, self._paths, bulletin)
        state = await conversation.open(identity, self._teardown, self._tasks)
        authority = await asyncio.to_thread(CertificateAuthority.load_or_create, paths.home() / "ca")
        certificate, bundle = authority.certificate_pem, authority.bundle()
        seed = {**self._packages.client_files(CA_BUNDLE), **launch.seed}
        doors.furnish(
            self._paths, certificate, bundle, seed, doorway, self._adapter.state, self._packages.apt_settings(HOME)
        )
        spec = self._container_spec(launch, identity, doorway, state)
        if self._request.config.auto_approve.mode != "off":
            await self._pin_remotes(gatehouse)
        await doorway.hold()
        try:
            await together(
                self._open_doors(context, authority, policy, gatehouse, doorway),
                self._start_agent(engine, spec, doorway),
            )
            await self._try_doors()
        finally:
            self._teardown.push("container", self._end_container)  # the first to go
        if identity.is_root:
            bulletin.badge(
                "user",
                BadgeState.WARN,
                "agent is uid 0",
                "Root owns the workspace, so the agent is root, without any capability.",
            )
        self.finished = True

    async def _pin_remotes(self, gatehouse: Gatehouse) -> None:
        """Note where the repository's remotes lead before the agent, which starts ahead of the doors, can change it."""
        await asyncio.to_thread(load_gateway)
        from ironcurtain_tui.supervisor.remote_names import remote_names

        gatehouse.remotes = await remote_names(Path(self._request.workspace))

    async def _start_agent(self, engine: Engine, spec: ContainerSpec, doorway: Doorway) -> None:
        """The agent runs once its container is known to be sealed; what it asks at the doors waits for them.

        When the end was asked for meanwhile, it does not.
        """
        await together(self._open_terminal(), self._start_container(engine, spec, doorway))
        if not self._wanted():
            return
        terminal, container, stream = self.terminal, self.container, self._stream
        if terminal is None or container is None or stream is None:
            raise AssertionError("all are there, or an error was raised")
        terminal.attach(container, stream, _stream_ended, b"" if self._test is None else self._test.said)
        self._stream = None
        started = f"{self._adapter.title} runs"
        await self._chronicle.log.append_async("agent.start", started, data={"command": list(spec.command)})
        await asyncio.to_thread(container.release)
        self._bulletin.status(SessionStatus.IDLE)

    async def _open_chronicle(self) -> None:
        await self._chronicle.open(Redactor.configured(self._request.config.redaction, self._secrets))
        self._chronicle.tell(lambda line: self.terminal.mark(line) if self.terminal is not None else None)
        await self._chronicle.log.append_async(
            "session.start",
            f"{self._adapter.title} on {self._request.workspace}",
            data={"version": __version__, "info": msgspec.to_builtins(self._bulletin.keeper.info)},
        )

    async def _open_doors(
        self,
        context: AgentContext,
        authority: CertificateAuthority,
        policy: LivePolicy,
        gatehouse: Gatehouse,
        doorway: Doorway,
    ) -> None:
        """Proxy and gateway. When one of them fails, nobody waits at a door any more."""
        async with AsyncExitStack() as failure:
            failure.push_async_callback(doorway.close)
            await self._open_proxy(authority, policy, gatehouse, doorway)
            await self._open_gateway(context, policy, gatehouse, doorway)
            failure.pop_all()
        self._doors_near = True

    async def _open_proxy(
        self, authority: CertificateAuthority, policy: LivePolicy, gatehouse: Gatehouse, doorway: Doorway
    ) -> None:
        """With the scripted model of a rehearsal."""
        async with self._bulletin.step("proxy libraries"):
            await asyncio.to_thread(load_proxy)
        from ironcurtain_tui.proxy.server import Proxy

        routes = await self._routes()
        async with self._bulletin.step("proxy"):
            proxy = Proxy(
                doorway.proxy,
                authority,
                routes,
                gatehouse.gatekeeper,
                self._flow_changed,
                upstreams=self._configured_hosts(),
                names_address=policy.names_address,
                parents=await self._find_parents(),
                extra_ca=self._way_out.authorities(),
                registries=self._packages.all,
                packages=self._packages.rules,
                registry_logins=self._packages.logins,
                unserved=self._packages.unserved,
                token=None if doorway.tcp is None else doorway.tcp.token,
                keeper=keep_traffic(self._paths, self._request.config, self._secrets, self._bulletin, self._teardown),
            )
            await proxy.start()
            self._teardown.push("proxy", proxy.stop)
            gatehouse.watch(proxy)

    async def _open_gateway(
        self, context: AgentContext, policy: LivePolicy, gatehouse: Gatehouse, doorway: Doorway
    ) -> None:
        """With the tool servers behind it, which get ready by themselves."""
        async with self._bulletin.step("gateway libraries"):
            await asyncio.to_thread(load_gateway)
        from ironcurtain_tui.gateway.domain_requests import DomainRequests
        from ironcurtain_tui.gateway.orientation import Orientation
        from ironcurtain_tui.gateway.server import Gateway
        from ironcurtain_tui.supervisor.tool_servers import ToolServers

        async with self._bulletin.step("tool gateway"):
            workspace = Path(self._request.workspace)
            tools = ToolServers(
                self._request.config.mcp,
                workspace,
                self._paths.kept,
                self._bulletin,
                self._way_out.transport,
                self._ground.nursery,
            )
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
            tools.start()
            await gateway.start()
            self._teardown.push("tool gateway", gateway.stop)

    async def _routes(self) -> list[Route]:
        """The way to every provider; in a rehearsal they all lead to the scripted model."""
        if self._accesses.rehearsal:
            async with self._bulletin.step("scripted model"):
                return [
                    Route(each.provider, each.sentinel, each.key, await self._start_rehearsal(each), each.server_tools)
                    for each in self._accesses
                ]
        return [
            Route(
                each.provider,
                each.sentinel,
                each.key,
                self._configured_upstream(each),
                each.server_tools,
                ca_pem=each.ca_pem(),
                network=each.settings.private_network,
            )
            for each in self._accesses
        ]

    async def _start_rehearsal(self, access: Access) -> Upstream:
        from ironcurtain_tui.rehearsal.model import RehearsalModel

        provider = access.provider
        model = RehearsalModel(access.key.secrets[0], host=provider.hosts[0].name, key_variable=provider.key_variable)
        await model.start()
        self._teardown.push("scripted model", model.stop)
        return Upstream("127.0.0.1", model.port, model.ca_pem)

    def _configured_upstream(self, access: Access) -> Upstream | None:
        settings = access.settings
        if not settings.upstream:
            return None
        upstream = _upstream(settings.upstream, settings.upstream_ca)
        detail = f"{access.provider.title} is reached through {settings.upstream}, as config.toml says."
        self._bulletin.badge("upstream", BadgeState.WARN, "own gateway", detail)
        return upstream

    async def _find_parents(self) -> Parents:
        parents = await asyncio.to_thread(self._way_out.parents)
        if parents.parent is not None:
            detail = (
                f"Connections go through the proxy {parents.parent.host}:{parents.parent.port}, which looks names up."
            )
            self._bulletin.badge("parent", BadgeState.OK, "via proxy", detail)
        return parents

    def _configured_hosts(self) -> dict[str, Upstream]:
        hosts = self._request.config.web.hosts
        return {name: _upstream(each.upstream, each.ca) for name, each in hosts.items()}

    async def _find_engine(self) -> Engine:
        """The one that holds what was prepared, if that can be used; what cannot is removed."""
        approach, request = self._approach, self._request
        if approach is not None:
            if await asyncio.to_thread(approach.stands, request.network_mode, request.sidecar_image):
                self._network, self._namespace = approach.network, approach.namespace.holder.id
                return approach.engine
            await approach.remove()
            self._approach = None
        return await asyncio.to_thread(Engine.connect)

    async def _find_doorway(self, engine: Engine, *, shared: bool) -> Doorway:
        if self._approach is not None and self._approach.doorway is not None:
            return self._approach.doorway
        if self._request.network_mode == "uds":
            return Doorway.of_sockets(self._paths, shared=shared)
        address = await asyncio.to_thread(door_address, engine, sys.platform)
        return Doorway.of_ports(address, self._token)

    def _open_policy(self) -> LivePolicy:
        def build(documents: Mapping[str, PolicyDocument]) -> Policy:
            agents = {"agent": PolicyDocument(rule=self._adapter.unwanted)}  # weaker than what the user says
            hosts, workspace = self._accesses.rules(), Path(self._request.workspace)
            rules = self._packages.rules
            return build_policy({**documents, **agents}, hosts, workspace, paths.home(), packages=rules)

        return LivePolicy(self._policy_files(), build, partial(past_logs, paths.home()))

    def _policy_files(self) -> dict[str, Path]:
        """The strongest first."""
        return {"session": self._paths.policy, USER: paths.home() / USER_FILE}

    def _open_hearing(self) -> Hearing:
        hearing = Hearing(
            self._adapter.name,
            self._chronicle.log,
            self._bulletin,
            self._paths.user_context,
            dialect=self._adapter.dialect,
            redact=Redactor.configured(self._request.config.redaction, self._secrets).text,
            on_unavailable=self._chronicle.failed,
        )
        self._teardown.push("hearing", hearing.close)
        return hearing

    def _open_gatehouse(self, policy: LivePolicy) -> Gatehouse:
        self._hearing = self._open_hearing()
        gatehouse = Gatehouse(
            policy,
            self._chronicle.log,
            self._bulletin,
            self._request.config.approvals,
            asker=self._adapter.title,
            sentinels=tuple(self._accesses.sentinels.values()),
            viewers=lambda: self._server.deciders,
            hearing=self._hearing,
            auto_approve=self._request.config.auto_approve,
            model=configured(self._request.config.model, self._request.config.providers, self._way_out.transport),
            workspace=Path(self._request.workspace),
            record=self._chronicle.record,
            on_waiting=self._activity.asks,
            on_unavailable=self._chronicle.failed,
            cut_doors=self._cut_doors,
            treasurer=self._treasurer,
            audit_settings=self._request.config.audit,
        )
        self._teardown.push("approvals", gatehouse.close)
        return gatehouse

    async def _cut_doors(self) -> None:
        await self._teardown.run(DOORS)
        cut = "Both doors are shut for good: the agent is cut off."
        self._bulletin.notice(BadgeState.WARN, cut, "Stop the session when you are done.")

    def _flow_changed(self, flow: Flow) -> None:
        if self.gatehouse is not None and flow.host == self.gatehouse.gatekeeper.self_test_host:
            return  # in TCP mode the self-test tries a locked door, too: no refusal to look at
        self._bulletin.publish(FlowChanged(flow=flow))
        if self.gatehouse is not None:
            self.gatehouse.flow_changed()
        if flow.state.is_over and flow.intended:
            self._chronicle.outcome(flow)
            if flow.decision is not Decision.ALLOW:
                self._treasurer.release(flow)
        if flow.decision is Decision.ALLOW and flow.state.is_over:
            self._treasurer.count(flow)
        self._activity.passed(flow)

    async def _open_terminal(self) -> None:
        publish = self._bulletin.publish
        events = EmulatorEvents(
            on_update=self._server.screen_changed,
            on_title=lambda title: publish(TitleChanged(title=title)),
            on_bell=lambda: publish(BellRang()),
            on_clipboard=self._clipboard_refused,
            on_restart=self._screen_restarted,
        )
        dropped = DroppedInput(partial(self._chronicle.record, durable=False))
        self._teardown.push("dropped input", dropped.close)
        async with self._bulletin.step("screen"):
            self.terminal = await AgentTerminal.open(
                events,
                self._tasks,
                (self._request.cols, self._request.lines),
                self._paths.recording,
                self._request.config.recording,
                lambda reason: self._bulletin.notice(BadgeState.WARN, reason, ""),
                dropped,
                self._ground.screen,
            )
        if self._hearing is not None and self._request.task is None:
            self._hearing.listen(self.terminal)
        elif self._hearing is not None and self._request.task is not None:
            self._hearing.take(self._request.task.prompt)

    def _clipboard_refused(self) -> None:
        """What the agent puts on the clipboard, the person pastes into a shell of their own: told once, never done."""
        if not self._clipboard_told:
            self._clipboard_told = True
            notice = "The agent wanted to put something on your clipboard. It may not; mark the text with the mouse."
            self._bulletin.notice(BadgeState.OK, notice, "")

    def _screen_restarted(self, reason: str) -> None:
        self._bulletin.publish(ScreenRestarted(reason=reason))
        self._bulletin.notice(BadgeState.WARN, f"The screen process crashed: {reason}.", "The agent was not affected.")

    def _container_spec(
        self, launch: AgentLaunch, identity: Identity, doorway: Doorway, state: Path | None
    ) -> ContainerSpec:
        settings = self._request.config.container
        return ContainerSpec(
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
            state_dir=state,
        )

    async def _start_container(self, engine: Engine, spec: ContainerSpec, doorway: Doorway) -> None:
        """The container, tested; the agent in it is held back until it is released."""
        async with self._bulletin.step("container"):
            laid: SessionNetwork | None = None
            if doorway.tcp is not None and self._network is None:
                laid = self._network = await self._lay_network(engine, doorway.tcp)
            network = None if self._network is None else self._network.agents_part
            spec = replace(spec, network=network, namespace=self._namespace)
            looked_at = self._approach.forwarders if self._approach is not None and laid is None else None
            test = self._test = SelfTest(engine, self._paths.sockets, self._network, looked_at)
            self._teardown.push("self-test", lambda: asyncio.to_thread(test.end))
            if self.gatehouse is not None:
                self.gatehouse.gatekeeper.self_test_host = test.host
            await together(
                self._create_container(engine, spec), asyncio.to_thread(partial(test.begin, doors=self._doors_near))
            )
            if (container := self.container) is None or self._stream is None:
                raise AssertionError("it was created, or an error was raised")
            starting = [container.start] if laid is None else [container.start, laid.start]
            await together(*(asyncio.to_thread(start) for start in starting))
        async with self._bulletin.step("self-test"):
            await self._self_test(test, container, self._stream)

    async def _create_container(self, engine: Engine, spec: ContainerSpec) -> None:
        container = self.container = await asyncio.to_thread(engine.create, spec)
        self._stream = await asyncio.to_thread(container.attach)

    async def _lay_network(self, engine: Engine, part: TcpPart) -> SessionNetwork:
        """TCP mode: what stands between the agent's container and the doors."""
        async with self._bulletin.step("network"):
            labels, image = ProcessIdentity.current().labels(), self._request.sidecar_image
            lay = partial(SessionNetwork.lay, engine, self._request.session_id, image)
            network = await asyncio.to_thread(lay, part.ports, part.address, labels)
            self._teardown.push("network", lambda: asyncio.to_thread(network.remove))
            return network

    async def _end_container(self) -> None:
        if self._stream is not None:
            self._stream.close()
        if self.container is not None:
            await asyncio.to_thread(_remove_container, self.container)

    async def _self_test(self, test: SelfTest, container: AgentContainer, stream: socket.socket) -> None:
        report = await asyncio.to_thread(test.sealed, container, stream)
        await self._record_test("self-test", report)
        if report.passed:
            self._bulletin.badge("egress", BadgeState.OK, "no-egress", "; ".join(one.name for one in report.findings))
            return
        self._bulletin.badge("egress", BadgeState.FAIL, "EGRESS", _failures(report))
        raise UserFacingError(
            f"The container is not sealed, so the agent was not started. {_failures(report)}",
            "Check the engine's network settings; `ironcurtain-tui doctor` may tell more.",
        )

    async def _try_doors(self) -> None:
        """UserFacingError when a door does not answer inside the container, unless the agent has ended by then."""
        if self._test is None or self.container is None:
            raise AssertionError("the container was tested, or an error was raised")
        async with self._bulletin.step(LAST_STEP):
            report = await asyncio.to_thread(self._test.doors, self.container)
            if self.gatehouse is not None:
                self.gatehouse.gatekeeper.self_test_host = ""
            if not report.passed and await asyncio.to_thread(_has_ended, self.container):
                return
            await self._record_test("self-test.doors", report)
            if not report.passed:
                raise UserFacingError(
                    f"The agent's doors do not answer, so it was ended. {_failures(report)}",
                    "`ironcurtain-tui doctor` tries both network modes and may tell more.",
                )

    async def _record_test(self, kind: str, report: SelfTestReport) -> None:
        findings = [msgspec.to_builtins(finding) for finding in report.findings]
        await self._chronicle.record(kind, "passed" if report.passed else "FAILED", {"findings": findings})


def _failures(report: SelfTestReport) -> str:
    return "; ".join(f"{one.name}: {one.detail}" for one in report.failures)


def _stream_ended(error: OSError | None) -> None:
    log.info("the agent's terminal closed: %s", error or "end of stream")


def _upstream(address: str, ca: str) -> Upstream:
    host, _, port = address.rpartition(":")
    try:
        authority = Path(ca).expanduser().read_bytes()
    except OSError as error:
        raise UserFacingError(f"Cannot read the authority of {address}: {error}.", "Correct config.toml.") from error
    return Upstream(host.strip("[]"), int(port), authority)


def load_proxy() -> None:
    """Import what the proxy is made of: half a second of work, after which its imports cost nothing."""
    import ironcurtain_tui.proxy.server  # noqa: F401 -- loaded, not used here


def load_gateway() -> None:
    """The same for the tool gateway, with the MCP SDK."""
    import ironcurtain_tui.gateway.orientation
    import ironcurtain_tui.gateway.server
    import ironcurtain_tui.supervisor.tool_servers  # noqa: F401 -- loaded, not used here


def _has_ended(container: AgentContainer) -> bool:
    """Whether it has, or does within a second: what runs in it ends a little before the engine knows. Blocks."""
    deadline = time.monotonic() + END_SECONDS
    while container.running():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _remove_container(container: AgentContainer) -> None:
    """Blocks up to the grace period, then kills."""
    container.stop(STOP_GRACE_SECONDS)
    container.remove()
