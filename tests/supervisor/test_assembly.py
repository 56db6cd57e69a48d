"""What must come before what when a session starts."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.config import AutoApproveSettings, Config
from ironcurtain_tui.containers import engine as engine_module
from ironcurtain_tui.containers import spec
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.network import Mode
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.supervisor import remote_names
from ironcurtain_tui.supervisor.approach import Approach
from ironcurtain_tui.supervisor.assembly import Assembly
from ironcurtain_tui.supervisor.doorway import Doorway
from ironcurtain_tui.supervisor.groundwork import Groundwork
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.session import Session
from tests.conftest import engine_or_skip
from tests.supervisor.asked import asked

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def workspace(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A repository with a remote."""
    root = Path(tempfile.mkdtemp(prefix="ic-"))
    root.chmod(0o755)
    monkeypatch.setenv("IRONCURTAIN_HOME", str(root / "home"))
    repository = root / "project"
    subprocess.run(["git", "init", "-q", repository], check=True)
    subprocess.run(["git", "-C", repository, "remote", "add", "origin", "https://git.example/it"], check=True)
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", "1000:1000", repository], check=True)
    yield repository
    shutil.rmtree(root)


def request(workspace: Path) -> LaunchRequest:
    return asked(workspace, config=Config(auto_approve=AutoApproveSettings(mode="rules")))


async def test_the_remotes_are_noted_and_the_container_is_tested_before_the_agent_runs(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_or_skip()
    ensure_image(Engine.connect(), "shell", lambda _: None)
    order: list[str] = []
    noting, holding = remote_names.remote_names, Doorway.hold
    testing, releasing = SelfTest.sealed, AgentContainer.release

    async def note(repository: Path) -> Mapping[str, str]:
        found = await noting(repository)
        order.append(f"noted {found}")
        return found

    async def hold(doorway: Doorway) -> None:
        order.append("doors")
        await holding(doorway)

    def test(itself: SelfTest, container: AgentContainer, terminal: socket.socket) -> SelfTestReport:
        report = testing(itself, container, terminal)
        order.append("sealed")
        return report

    def release(container: AgentContainer) -> None:
        order.append("released")
        releasing(container)
        session.request_stop("seen enough")

    monkeypatch.setattr(remote_names, "remote_names", note)
    monkeypatch.setattr(Doorway, "hold", hold)
    monkeypatch.setattr(SelfTest, "sealed", test)
    monkeypatch.setattr(AgentContainer, "release", release)
    session = Session.for_request(request(workspace))
    await session.run(listening=lambda: order.append("listening"))
    assert order == ["listening", "noted {'https://git.example/it': 'origin'}", "doors", "sealed", "released"]


async def test_told_to_end_before_the_agent_runs_it_does_not(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine_or_skip()
    ensure_image(Engine.connect(), "shell", lambda _: None)
    testing = SelfTest.sealed

    def test(itself: SelfTest, container: AgentContainer, terminal: socket.socket) -> SelfTestReport:
        session.request_stop("second thoughts")
        return testing(itself, container, terminal)

    monkeypatch.setattr(SelfTest, "sealed", test)
    wanted = request(workspace)
    session = Session.for_request(wanted)
    await session.run(listening=lambda: None)
    told = paths.SessionPaths.of(wanted.session_id)
    kinds = [json.loads(line)["kind"] for line in told.audit_log.read_text().splitlines()]
    assert "self-test" in kinds
    assert "agent.start" not in kinds
    record = registry.read_record(told)
    assert record is not None
    assert record.outcome == "second thoughts"


@pytest.mark.parametrize("fault", ["a way out", "no probe"])
async def test_a_container_that_fails_its_test_is_not_released(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    engine_or_skip()
    ensure_image(Engine.connect(), "shell", lambda _: None)
    making = spec.create_body

    def leaking(*arguments: Any, **options: Any) -> dict[str, Any]:
        body = making(*arguments, **options)
        if fault == "a way out":
            body["HostConfig"]["NetworkMode"] = "bridge"
        else:
            body["Entrypoint"][:-1] = ["/bin/sh", "-c", 'echo gone astray; exit 3; "$@"', "sh"]
        return body

    released: list[AgentContainer] = []
    monkeypatch.setattr(engine_module, "create_body", leaking)
    monkeypatch.setattr(AgentContainer, "release", released.append)
    wanted = request(workspace)
    await Session.for_request(wanted).run(listening=lambda: None)
    record = registry.read_record(paths.SessionPaths.of(wanted.session_id))
    assert record is not None
    assert record.outcome.startswith("The container is not sealed, so the agent was not started. ")
    told = {"a way out": "interfaces: up: eth0, lo", "no probe": "the container ended; it said 'gone astray'"}
    assert told[fault] in record.outcome
    assert not released
    assert wanted.session_id not in {one.session_id for one in Engine.connect().find_owned()}


@pytest.mark.parametrize("doors", ["open", "near", "far"])
async def test_doors_that_are_near_are_tried_before_the_agent_runs(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, doors: str
) -> None:
    """And all that is tried is on the record, in either case."""
    engine_or_skip()
    ensure_image(Engine.connect(), "shell", lambda _: None)
    opening, starting, running = Assembly._open_doors, Assembly._start_container, AgentContainer.exec
    opened, sealed = asyncio.Event(), asyncio.Event()
    commands: list[Sequence[str]] = []

    async def open_doors(assembly: Assembly, *arguments: Any) -> None:
        await (sealed.wait() if doors == "far" else asyncio.sleep(0))
        await opening(assembly, *arguments)
        opened.set()

    async def start(assembly: Assembly, *arguments: Any) -> None:
        await (opened.wait() if doors == "open" else asyncio.sleep(0))
        await starting(assembly, *arguments)
        sealed.set()

    def run(container: AgentContainer, argv: list[str], timeout: float = 60.0) -> tuple[int, bytes]:
        commands.append(argv)
        return running(container, argv, timeout)

    monkeypatch.setattr(Assembly, "_open_doors", open_doors)
    monkeypatch.setattr(Assembly, "_start_container", start)
    monkeypatch.setattr(AgentContainer, "exec", run)
    trying = Assembly._try_doors

    async def try_doors(assembly: Assembly) -> None:
        await trying(assembly)
        session.request_stop("seen enough")

    monkeypatch.setattr(Assembly, "_try_doors", try_doors)
    wanted = request(workspace)
    session = Session.for_request(wanted, Groundwork(wanted.session_id) if doors == "near" else None)
    await session.run(listening=lambda: None)
    assert bool(commands) is (doors == "far")
    with paths.SessionPaths.of(wanted.session_id).audit_log.open() as log:
        records = [json.loads(line) for line in log]
    kinds = [record["kind"] for record in records]
    assert (kinds.count("self-test.door"), kinds.count("tunnel")) == (2, 0), "the agent has asked for nothing"
    tests = [record for record in records if record["kind"] in ("self-test", "self-test.doors")]
    assert [(record["kind"], record["summary"]) for record in tests] == [
        ("self-test", "passed"),
        ("self-test.doors", "passed"),
    ]


async def test_an_agent_that_ends_while_its_doors_are_tried_has_simply_ended(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine_or_skip()
    engine = Engine.connect()
    ensure_image(engine, "shell", lambda _: None)
    trying = SelfTest.doors

    def try_doors(itself: SelfTest, container: AgentContainer) -> SelfTestReport:
        (agents,) = (one for one in engine.find_owned() if one.session_id == wanted.session_id)
        engine.client.kill(agents.id)
        return trying(itself, container)

    monkeypatch.setattr(SelfTest, "doors", try_doors)
    wanted = request(workspace)
    await Session.for_request(wanted).run(listening=lambda: None)
    record = registry.read_record(paths.SessionPaths.of(wanted.session_id))
    assert record is not None
    assert (record.outcome, record.exit_code) == ("the agent exited with code 137", 137)


@pytest.mark.parametrize(
    ("prepared", "mode", "broken", "used"),
    [
        ("uds", "uds", False, True),
        ("uds", "uds", True, False),
        ("tcp", "tcp", False, True),
        ("tcp", "tcp", True, False),
        ("tcp", "uds", False, False),
        ("uds", "tcp", False, False),
    ],
)
async def test_what_was_prepared_is_used_while_it_stands_and_removed_in_any_case(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, prepared: Mode, mode: Mode, broken: bool, used: bool
) -> None:
    engine_or_skip()
    engine = Engine.connect()
    sidecar = ensure_image(engine, "sidecar", lambda _: None)
    ensure_image(engine, "shell", lambda _: None)
    wanted = msgspec.structs.replace(request(workspace), sidecar_image=sidecar, network_mode=mode)
    prepare = partial(Approach.prepare, engine, wanted.session_id, prepared)
    approach = await asyncio.to_thread(prepare, sidecar if prepared == "tcp" else wanted.image)
    helpers = {approach.namespace.holder.id} | ({approach.network.sidecar.id} if approach.network else set())
    if broken:
        engine.client.kill(next(iter(helpers)))
    seen: set[str] = set()
    trying = SelfTest.doors

    def try_doors(itself: SelfTest, container: AgentContainer) -> SelfTestReport:
        report = trying(itself, container)
        assert report.passed, report.failures
        seen.update(one.id for one in engine.find_owned() if one.session_id == wanted.session_id)
        session.request_stop("seen enough")
        return report

    monkeypatch.setattr(SelfTest, "doors", try_doors)
    session = Session.for_request(wanted, Groundwork(wanted.session_id, approach))
    await session.run(listening=lambda: None)
    record = registry.read_record(paths.SessionPaths.of(wanted.session_id))
    assert record is not None
    assert record.outcome == "seen enough"
    assert helpers <= seen if used else not helpers & seen
    own = {"uds": 1, "tcp": 2}[mode]
    assert len(seen) == (own + 1 if used else own)
    left = [*engine.find_owned(), *engine.find_owned_networks()]
    assert wanted.session_id not in {one.session_id for one in left}
