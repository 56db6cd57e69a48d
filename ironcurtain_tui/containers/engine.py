"""The Docker Engine. Everything here blocks: callers in an event loop use ``asyncio.to_thread``."""

from __future__ import annotations

import ipaddress
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

import docker
import docker.errors
from docker.context import ContextAPI

from ironcurtain_tui.containers import limits
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine_info import EngineInfo
from ironcurtain_tui.containers.failures import EngineRefusedError, explained, unavailable
from ironcurtain_tui.containers.spec import SESSION_LABEL, ContainerSpec, create_body
from ironcurtain_tui.containers.subnet import engine_subnets

CONNECT_SECONDS = 10.0
CALL_SECONDS = 60.0
"""How long the engine may stay silent in one call."""
BRIDGE_OPTION = "com.docker.network.bridge."
NO_SUCH_SOURCE = "bind source path does not exist"
"""In the engine's refusal to mount what it does not see."""
ISOLATED_GATEWAY_SINCE = 28
"""The first major version that knows bridges without an address by that name."""


@dataclass(frozen=True)
class OwnedNetwork:
    """A network that carries our label."""

    id: str
    name: str
    session_id: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class OwnedContainer:
    """A container that carries our label, whatever its state."""

    id: str
    name: str
    session_id: str
    running: bool
    created: float
    """Seconds since the epoch."""
    labels: Mapping[str, str]


class Engine:
    """A connection to one engine on this machine."""

    def __init__(self, client: Any, address: str) -> None:
        self.client = client
        self.address = address
        self._info: EngineInfo | None = None

    @classmethod
    def connect(cls, environment: Mapping[str, str] | None = None) -> Engine:
        """Connect as the ``docker`` command would: DOCKER_HOST, then DOCKER_CONTEXT, then the current context.

        Raises EngineUnavailableError when there is no engine, no permission or no answer, and EngineRefusedError
        for an engine that is reached through SSH, or asks for TLS: an agent's terminal is not carried that way.
        """
        environment = os.environ if environment is None else environment
        address = engine_address(environment)
        if address.startswith("ssh://"):
            raise EngineRefusedError(
                f"The Docker Engine at {address} is reached through SSH, as one that is not on this machine.",
                "If it is, set DOCKER_HOST=unix:///var/run/docker.sock; if not, run ironcurtain-tui over there.",
            )
        if not address.startswith(("unix://", "tcp://", "http://")):
            raise EngineRefusedError(
                f"The Docker Engine at {address} is not on this machine.",
                "Set DOCKER_HOST to an engine on this machine, for example unix:///var/run/docker.sock.",
            )
        try:
            client = docker.APIClient(base_url=address, version="auto", timeout=CONNECT_SECONDS)
            client.ping()
        except (docker.errors.DockerException, OSError) as error:
            raise unavailable(error, address) from error
        client.timeout = CALL_SECONDS
        return cls(client, address)

    def close(self) -> None:
        """Close idle connections; containers are not touched."""
        self.client.close()

    def ping(self) -> None:
        """Return if the engine answers; EngineUnavailableError otherwise."""
        with explained("answer", self.address):
            self.client.ping()

    @property
    def version(self) -> str:
        """The engine's own version, e.g. ``20.10.24``."""
        return self.info().version

    def info(self) -> EngineInfo:
        """What the engine says about itself, when it is asked for the first time: it takes a while to answer."""
        if self._info is not None:
            return self._info
        with explained("describe itself", self.address):
            info = self.client.info()
        self._info = EngineInfo.read(info, self.client.api_version)
        return self._info

    def disk_free(self) -> int | None:
        """Bytes free where the engine keeps images; None when that directory is not visible from here."""
        try:
            return shutil.disk_usage(self.info().root_directory).free
        except OSError:
            return None

    def gateways(self) -> tuple[str, ...]:
        """Addresses this host has on the engine's bridge networks, as far as the engine tells."""
        with explained("list its networks", self.address):
            networks = self.client.networks(filters={"driver": "bridge"})
        configs = [config for network in networks for config in (network.get("IPAM", {}).get("Config") or ())]
        return tuple(sorted({gateway for config in configs if (gateway := gateway_of(config))}))

    def bridge_gateway(self) -> str:
        """The host's address on the default bridge; EngineRefusedError when there is none."""
        with explained("describe its default bridge", self.address):
            configs = self.client.inspect_network("bridge").get("IPAM", {}).get("Config") or ()
        for config in configs:
            if gateway := gateway_of(config):
                return gateway
        raise EngineRefusedError(
            "The engine has no default bridge network.", "TCP mode needs it: look at `docker network inspect bridge`."
        )

    def bridge_name(self) -> str:
        """The interface of the default bridge; empty where there is none."""
        with explained("describe its default bridge", self.address):
            options = self.client.inspect_network("bridge").get("Options") or {}
        return str(options.get(BRIDGE_OPTION + "name", ""))

    def subnets(self) -> list[IPv4Network]:
        """The IPv4 subnets of all its networks."""
        with explained("list its networks", self.address):
            return engine_subnets(self.client.networks())

    def create_network(self, name: str, subnet: IPv4Network, labels: Mapping[str, str]) -> str:
        """An internal bridge network on which the host itself has no address; its identifier.

        Raises EngineRefusedError, whose message has "overlap" in it when somebody else uses the subnet, and whose
        status is 409 when another network has the name.
        """
        pool, isolation = {"Subnet": str(subnet)}, {BRIDGE_OPTION + "gateway_mode_ipv4": "isolated"}
        if int(self.version.split(".")[0] or 0) < ISOLATED_GATEWAY_SINCE:
            # The agent's default route then leads to an address that nobody has.
            pool["Gateway"] = str(subnet[1])
            isolation = {BRIDGE_OPTION + "inhibit_ipv4": "true"}
        with explained("create the session's network", self.address):
            created = self.client.create_network(
                name,
                driver="bridge",
                internal=True,
                options=isolation,
                ipam={"Driver": "default", "Config": [pool]},
                check_duplicate=True,
                labels=dict(labels),
            )
        return str(created["Id"])

    def connect_network(self, network: str, container: str, ip: str | None = None) -> None:
        """Give ``container``, which may run, an interface on ``network``, with the address ``ip`` or any.

        Both are names or identifiers.
        """
        with explained("connect a container to the session's network", self.address):
            self.client.connect_container_to_network(container, network, ipv4_address=ip)

    def container_ip(self, container: str, network: str, timeout: float = 30.0) -> str:
        """The IPv4 address of ``container`` on the network named ``network``.

        The engine assigns it a moment after the connection; EngineRefusedError when it has none after ``timeout`` s.
        """
        deadline = time.monotonic() + timeout
        while True:
            with explained("inspect a container", self.address):
                networks = self.client.inspect_container(container)["NetworkSettings"]["Networks"] or {}
            if address := (networks.get(network) or {}).get("IPAddress"):
                return str(address)
            if time.monotonic() > deadline:
                raise EngineRefusedError(f"The engine gave a container no address on {network} in {timeout:g} s.")
            time.sleep(0.05)

    def network_members(self, network: str) -> tuple[bool, set[str]]:
        """Whether ``network`` is internal, and the identifiers of the running containers on it."""
        with explained("inspect the session's network", self.address):
            found = self.client.inspect_network(network)
        return bool(found.get("Internal")), set(found.get("Containers") or ())

    def networks_of(self, container: str) -> set[str]:
        """The names of the networks ``container`` is on."""
        with explained("inspect a container", self.address):
            return set(self.client.inspect_container(container)["NetworkSettings"]["Networks"] or ())

    def remove_network(self, network: str) -> bool:
        """Remove it; False when others still use it. Idempotent."""
        deadline = time.monotonic() + 2.0
        while True:
            try:
                with explained("remove the session's network", self.address):
                    self.client.remove_network(network)
            except EngineRefusedError as error:
                if error.status == 404:
                    return True
                if "active endpoints" not in error.message:
                    raise
                if time.monotonic() > deadline:  # a container just removed is counted for a moment
                    return False
                time.sleep(0.1)
            else:
                return True

    def find_owned_networks(self) -> list[OwnedNetwork]:
        """Every network with our label, of every session and user of this engine."""
        with explained("list its networks", self.address):
            found = self.client.networks(filters={"label": SESSION_LABEL})
        return [OwnedNetwork(item["Id"], item["Name"], item["Labels"][SESSION_LABEL], item["Labels"]) for item in found]

    def create(self, spec: ContainerSpec) -> AgentContainer:
        """Create (not start) the agent's container.

        Raises EngineRefusedError, with what to do about it, when the image is missing, a mount does not exist, the
        disk is full or the engine does not accept the limits.
        """
        info = self.info()
        body = create_body(spec, info.host, remapped=info.remaps_users)
        spec.release_file.unlink(missing_ok=True)
        try:
            with explained("create the agent's container", self.address):
                created = self.client.create_container_from_config(body, spec.name)
        except EngineRefusedError as error:
            if NO_SUCH_SOURCE in error.message and spec.workspace.is_dir() and spec.sockets_dir.is_dir():
                raise elsewhere(self.address) from error
            if advice := limits.remedy(error.message):
                raise EngineRefusedError(error.message, advice, error.status) from error
            if error.status == 404 and "image" in error.message.lower():
                raise EngineRefusedError(
                    f"The image {spec.image} is not there.", "Build it: `ironcurtain-tui image build`.", error.status
                ) from error
            raise
        return AgentContainer(
            self.client,
            self.address,
            created["Id"],
            spec.name,
            (spec.cols, spec.lines),
            spec.release_file,
            spec.namespace,
        )

    def find_owned(self) -> list[OwnedContainer]:
        """Every container with our label, of every session and user of this engine, running or not."""
        with explained("list containers", self.address):
            found = self.client.containers(all=True, filters={"label": SESSION_LABEL})
        return [
            OwnedContainer(
                id=item["Id"],
                name=item["Names"][0].removeprefix("/") if item.get("Names") else item["Id"][:12],
                session_id=item["Labels"][SESSION_LABEL],
                running=item["State"] in {"running", "paused", "restarting"},
                created=float(item["Created"]),
                labels=item["Labels"],
            )
            for item in found
        ]

    def remove_owned(self, session_id: str) -> int:
        """Kill and remove every container of ``session_id``, then its network; how many containers there were."""
        mine = [item for item in self.find_owned() if item.session_id == session_id]
        for item in mine:
            AgentContainer(self.client, self.address, item.id, item.name).remove()
        for network in self.find_owned_networks():
            if network.session_id == session_id:
                self.remove_network(network.id)
        return len(mine)


def elsewhere(address: str) -> EngineRefusedError:
    """The refusal of an engine that does not see this machine's files."""
    return EngineRefusedError(
        f"The Docker Engine at {address} is on another machine: it does not see this one's files, so neither the "
        "workspace nor the doors can be mounted.",
        "Use an engine on this machine (DOCKER_HOST, `docker context use default`), or run ironcurtain-tui over there.",
    )


def gateway_of(config: Mapping[str, str]) -> str:
    """The gateway of a network's address pool: by default the engine takes the first address and does not say so."""
    if gateway := config.get("Gateway"):
        return gateway.split("/")[0]
    if subnet := config.get("Subnet"):
        return str(ipaddress.ip_network(subnet, strict=False)[1])
    return ""


def engine_address(environment: Mapping[str, str]) -> str:
    """Where the ``docker`` command would look for its engine in this ``environment``.

    Raises EngineRefusedError when the chosen context does not exist.
    """
    if host := environment.get("DOCKER_HOST"):
        return host
    name = environment.get("DOCKER_CONTEXT")
    try:
        context = ContextAPI.get_context(name)
    except Exception as error:  # docker-py raises bare Exceptions for broken context files
        raise EngineRefusedError(f"The Docker context cannot be read: {error}", "See `docker context ls`.") from error
    if context is None:
        raise EngineRefusedError(f"There is no Docker context {name or ''}.", "See `docker context ls`.")
    host = context.Host or "unix:///var/run/docker.sock"
    return host.replace("http+unix://", "unix://")
