"""The proxy as a whole."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping

from ironcurtain_tui.listener import Listener
from ironcurtain_tui.packages.package import Registry, Unserved
from ironcurtain_tui.packages.rules import PackageRules
from ironcurtain_tui.providers.cost import load_prices
from ironcurtain_tui.proxy import core
from ironcurtain_tui.proxy.addons.blind_relay import BlindRelay
from ironcurtain_tui.proxy.addons.body_rules import BodyRules
from ironcurtain_tui.proxy.addons.body_streams import BodyStreams
from ironcurtain_tui.proxy.addons.client_tls import ClientTls
from ironcurtain_tui.proxy.addons.connect_gate import ConnectGate
from ironcurtain_tui.proxy.addons.credential_check import CredentialCheck
from ironcurtain_tui.proxy.addons.credential_strip import CredentialStrip
from ironcurtain_tui.proxy.addons.credential_swap import CredentialSwap
from ironcurtain_tui.proxy.addons.destination_guard import DestinationGuard
from ironcurtain_tui.proxy.addons.endpoint_filter import EndpointFilter
from ironcurtain_tui.proxy.addons.flow_recorder import FlowRecorder
from ironcurtain_tui.proxy.addons.hold import Hold
from ironcurtain_tui.proxy.addons.host_agreement import HostAgreement
from ironcurtain_tui.proxy.addons.key_renewal import KeyRenewal
from ironcurtain_tui.proxy.addons.layer_router import LayerRouter
from ironcurtain_tui.proxy.addons.malformed_requests import MalformedRequests
from ironcurtain_tui.proxy.addons.package_metadata import PackageMetadata
from ironcurtain_tui.proxy.addons.package_requests import PackageRequests
from ironcurtain_tui.proxy.addons.parent_authorization import ParentAuthorization
from ironcurtain_tui.proxy.addons.proxy_authentication import ProxyAuthentication
from ironcurtain_tui.proxy.addons.registry_password import RegistryPassword
from ironcurtain_tui.proxy.addons.registry_tunnels import RegistryTunnels
from ironcurtain_tui.proxy.addons.request_form import RequestForm
from ironcurtain_tui.proxy.addons.response_hygiene import ResponseHygiene
from ironcurtain_tui.proxy.addons.seal import Seal
from ironcurtain_tui.proxy.addons.upgrade_refusal import UpgradeRefusal
from ironcurtain_tui.proxy.addons.upstream_tls import UpstreamTls
from ironcurtain_tui.proxy.addons.usage_tap import UsageTap
from ironcurtain_tui.proxy.authority import CertificateAuthority
from ironcurtain_tui.proxy.chain import HookChain
from ironcurtain_tui.proxy.destination import Resolve, Ways, resolve
from ironcurtain_tui.proxy.gate import Gate, Publish
from ironcurtain_tui.proxy.handler import AgentConnection
from ironcurtain_tui.proxy.parent import Parents
from ironcurtain_tui.proxy.registries import Registries
from ironcurtain_tui.proxy.registry_client import RegistryClient
from ironcurtain_tui.proxy.registry_login import RegistryLogin
from ironcurtain_tui.proxy.route import Route, Routes, Upstream
from ironcurtain_tui.proxy.tunnel import Tunnels
from ironcurtain_tui.tasks import TaskOwner
from ironcurtain_tui.traffic.keeper import TrafficKeeper

MAX_CONNECTIONS = 256
"""Connections of the agent at a time; more are closed at once."""


class Proxy:
    """Serves the agent's HTTPS on ``listener`` inside the running event loop, until stopped.

    Of the loop itself nothing is changed: no task factory, no exception handler, no resolver.
    """

    def __init__(
        self,
        listener: Listener,
        authority: CertificateAuthority,
        routes: Iterable[Route],
        gate: Gate,
        publish: Publish,
        *,
        resolve: Resolve = resolve,
        upstreams: Mapping[str, Upstream] | None = None,
        token: str | None = None,
        names_address: Callable[[str], bool] = lambda _: False,
        parents: Parents | None = None,
        extra_ca: bytes = b"",
        registries: Iterable[Registry] = (),
        packages: PackageRules | None = None,
        registry_logins: Mapping[Registry, RegistryLogin] | None = None,
        unserved: Iterable[Unserved] = (),
        keeper: TrafficKeeper | None = None,
    ) -> None:
        """``upstreams``: servers of our own in the place of hosts that belong to no provider. ``names_address``:
        whether a private address may be dialled, because the policy names it. ``token``: what callers must show, for
        a listener that others than the agent can reach. ``keeper`` gets headers and bodies of what is over.
        ``extra_ca``: PEM of authorities that are trusted beside the public ones. ``registries`` are open for what
        ``packages`` allows, with the passwords in ``registry_logins``; who asks for those that are ``unserved`` is told
        why.
        """
        self._listener = listener
        known = Routes(routes, upstreams)
        ways = Ways(resolve, names_address, parents)
        client = RegistryClient(known, ways, extra_ca)
        self._registries = known_registries = Registries(
            registries, packages or PackageRules(), client, registry_logins, unserved
        )
        self._tunnels = tunnels = Tunnels()
        self._recorder = recorder = FlowRecorder(publish, known, tunnels, keeper)
        addons = (
            KeyRenewal(tunnels),
            recorder,
            MalformedRequests(),
            *([] if token is None else [ProxyAuthentication(token, tunnels)]),
            RegistryTunnels(known_registries, known, gate),
            ConnectGate(known, tunnels, gate, recorder),
            LayerRouter(tunnels),
            BlindRelay(tunnels, recorder),
            ClientTls(authority, tunnels),
            HostAgreement(tunnels),
            UpgradeRefusal(),
            RequestForm(),
            CredentialCheck(known, tunnels),
            CredentialStrip(known, tunnels),
            PackageRequests(known_registries, tunnels, gate),
            Hold(known, gate, recorder),
            EndpointFilter(gate, recorder),
            BodyRules(tunnels, gate, recorder),
            PackageMetadata(known_registries, gate, recorder),
            DestinationGuard(tunnels, ways),
            ParentAuthorization(ways.parents),
            CredentialSwap(tunnels),
            UpstreamTls(tunnels, extra_ca),
            ResponseHygiene(tunnels, known_registries),
            UsageTap(),
            BodyStreams(recorder),
            Seal(),
            RegistryPassword(known_registries),
        )
        self._chain = HookChain(addons, tunnels, recorder, gate)
        self._connections: dict[asyncio.Task[object], AgentConnection] = {}
        self._tasks = TaskOwner()

    async def start(self) -> None:
        """Open the door. Raises UserFacingError when it cannot be opened or the core cannot be relied on."""
        core.verify()
        # What the core would log may quote what was on the wire.
        logging.getLogger("mitmproxy").setLevel(logging.CRITICAL + 1)
        self._tasks.start(asyncio.to_thread(load_prices), "load prices")
        await self._listener.open(self._serve)

    async def stop(self, grace: float = 2.0) -> None:
        """Close the door, give exchanges under way ``grace`` seconds to end, then cut them."""
        self._listener.close()
        try:
            await asyncio.wait_for(self._recorder.idle(), grace)
        except TimeoutError:
            pass  # they are cut below
        self.cut_all()
        if self._connections:
            _, left = await asyncio.wait(list(self._connections), timeout=2)
            for task in left:
                task.cancel()
        await self._tasks.close()
        await self._registries.close()

    def connections_to(self, host: str) -> int:
        """How many of the agent's connections lead to ``host`` now."""
        return len(self._leading_to(host))

    def cut(self, host: str) -> None:
        """End every connection that leads to ``host``, whatever is under way on it."""
        for connection in self._leading_to(host):
            connection.abort()

    def cut_all(self) -> None:
        """End every connection, whatever is under way on it."""
        for connection in self._connections.values():
            connection.abort()

    def _leading_to(self, host: str) -> list[AgentConnection]:
        return [
            connection
            for connection in self._connections.values()
            if (tunnel := self._tunnels.of(connection.client)) is not None and tunnel.host == host
        ]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._connections) >= MAX_CONNECTIONS:
            writer.close()
            return
        connection = AgentConnection(reader, writer, self._chain)
        self._connections[task] = connection
        try:
            await connection.run()
        finally:
            del self._connections[task]
            writer.close()
