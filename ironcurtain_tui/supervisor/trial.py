"""A network mode tried for real: a container like an agent's between stand-ins for the doors, tested and removed."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ironcurtain_tui import paths
from ironcurtain_tui.config import ContainerSettings
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.environment import door_environment
from ironcurtain_tui.containers.hardening import Protection, read_back
from ironcurtain_tui.containers.identity import agent_identity
from ironcurtain_tui.containers.network import Mode, SessionNetwork, door_address
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.containers.spec import ContainerSpec
from ironcurtain_tui.gateway import LARGEST_MESSAGE
from ironcurtain_tui.paths import SessionPaths
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.supervisor import doors
from ironcurtain_tui.supervisor.doorway import Doorway

LIFETIME = "300"
"""Seconds after which the container would end by itself."""


async def try_mode(engine: Engine, mode: Mode, image: str, sidecar: str) -> SelfTestReport:
    """Start a container of ``image`` (behind one of ``sidecar`` in TCP mode), test it, remove everything.

    Should this process be killed meanwhile, ``gc`` finds what is left. Raises UserFacingError when it cannot be done.
    """
    with _session(engine) as (session, workspace):
        return await _try(engine, session, workspace, mode, image, sidecar)


def try_hardening(engine: Engine, image: str, limits: ContainerSettings) -> list[Protection]:
    """What holds a container of ``image`` like an agent's together. Blocks; nothing stays. UserFacingError as above."""
    with _session(engine) as (session, workspace):
        identity = agent_identity(workspace, rootless=engine.info().rootless)
        spec = ContainerSpec(
            session_id=session.session_id,
            image=image,
            entrypoint=("sleep",),
            command=(LIFETIME,),
            env={},
            sockets_dir=session.sockets,
            workspace=workspace,
            uid=identity.uid,
            gid=identity.gid,
            memory_bytes=limits.memory_bytes,
            cpus=limits.cpus,
            pids=limits.pids,
            labels=ProcessIdentity.current().labels(),
        )
        return read_back(engine, spec)


@contextmanager
def _session(engine: Engine) -> Iterator[tuple[SessionPaths, Path]]:
    """A session to try things in, and an empty workspace that is the person's own."""
    session = SessionPaths.of(paths.new_session_id())
    session.create()
    registry.take_lease(session, ProcessIdentity.current())
    workspace = session.run / "workspace"
    workspace.mkdir()
    try:
        yield session, workspace
    finally:
        engine.remove_owned(session.session_id)
        registry.release(session)
        shutil.rmtree(session.kept, ignore_errors=True)


async def _try(
    engine: Engine, session: SessionPaths, workspace: Path, mode: Mode, image: str, sidecar: str
) -> SelfTestReport:
    identity = await asyncio.to_thread(
        agent_identity, workspace, rootless=(await asyncio.to_thread(engine.info)).rootless
    )
    token, labels = secrets.token_hex(16), ProcessIdentity.current().labels()
    if mode == "uds":
        doorway = Doorway.of_sockets(session, shared=not identity.is_us)
    else:
        doorway = Doorway.of_ports(await asyncio.to_thread(door_address, engine, sys.platform), token)
    try:
        await doorway.hold()
        await doorway.proxy.open(_StandInProxy(token if doorway.tcp else ""))
        await doorway.gateway.open(_stand_in_gateway, limit=LARGEST_MESSAGE)
        doors.furnish(session, b"", b"", {}, doorway)
        network = None
        if doorway.tcp is not None:
            network = await asyncio.to_thread(
                SessionNetwork.create,
                *(engine, session.session_id, sidecar, doorway.tcp.ports, doorway.tcp.address, labels),
            )
        spec = ContainerSpec(
            session_id=session.session_id,
            image=image,
            command=("sleep", LIFETIME),
            env=door_environment(doorway.proxy_url),
            sockets_dir=session.sockets,
            workspace=workspace,
            uid=identity.uid,
            gid=identity.gid,
            labels=labels,
            network=None if network is None else network.agents_part,
        )
        container = await asyncio.to_thread(engine.create, spec)
        return await asyncio.to_thread(SelfTest(engine, session.sockets, network).run, container)
    finally:
        await doorway.close()


class _StandInProxy:
    """Refuses everything, and asks for ``token`` first when there is one."""

    def __init__(self, token: str) -> None:
        self._proof = base64.b64encode(f"ironcurtain:{token}".encode()) if token else b""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        status = b"403 Forbidden" if self._proof in head else b"407 Proxy Authentication Required"
        writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def _stand_in_gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers ``initialize``, and nothing after it."""
    asked = json.loads(await reader.readline() or b"{}")
    writer.write(json.dumps({"jsonrpc": "2.0", "id": asked.get("id"), "result": {}}).encode() + b"\n")
    await writer.drain()
    writer.close()
