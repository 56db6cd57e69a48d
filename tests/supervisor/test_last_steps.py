"""The end of a session on a disk that became full: nothing is fatal, all of it is recorded, and nothing stays."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui import paths
from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.verify import verify_log
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.self_test import SelfTest, SelfTestReport
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.sessions.reconcile import reconcile
from ironcurtain_tui.supervisor.request import LaunchRequest
from ironcurtain_tui.supervisor.session import Session
from tests.conftest import engine_or_skip
from tests.small_disk import fill, small_file_system
from tests.supervisor.asked import asked

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600)]


@pytest.fixture
def engine() -> Engine:
    engine_or_skip()
    engine = Engine.connect()
    ensure_image(engine, "shell", lambda _: None)
    return engine


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """With the state directory, and little else on it."""
    with tempfile.TemporaryDirectory(prefix="ic-") as directory:
        Path(directory).chmod(0o755)
        with small_file_system(Path(directory, "disk"), "8m") as disk:
            monkeypatch.setenv("IRONCURTAIN_HOME", str(disk / "h"))
            yield disk


def request(workspace: Path) -> LaunchRequest:
    workspace.mkdir()
    if os.geteuid() == 0:
        os.chown(workspace, 1000, 1000)
    return asked(workspace)


async def test_a_full_disk_is_made_room_on_for_the_last_records(
    engine: Engine, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doors = SelfTest.doors

    def doors_and_fill(test: SelfTest, container: AgentContainer) -> SelfTestReport:
        report = doors(test, container)  # the last step of the start
        fill(disk)
        session.request_stop("seen enough")
        return report

    monkeypatch.setattr(SelfTest, "doors", doors_and_fill)
    wanted = request(disk.parent / "project")
    session = Session.for_request(wanted)
    await session.run(listening=lambda: None)
    kept = paths.SessionPaths.of(wanted.session_id)
    assert not kept.run.exists()
    assert verify_log(AuditDirectory(kept.root), wanted.session_id).ended
    record = registry.read_record(kept)
    assert record is not None
    assert record.outcome == "seen enough"
    assert wanted.session_id not in {one.session_id for one in engine.find_owned()}


async def test_an_end_that_cannot_be_noted_is_left_to_gc(engine: Engine, disk: Path) -> None:
    """There is no room from the very start, so that there is nothing to let go of either."""
    wanted = request(disk.parent / "project")
    kept = paths.SessionPaths.of(wanted.session_id)
    fillers = list[Path]()
    await Session.for_request(wanted).run(listening=lambda: fillers.append(fill(disk)))
    assert kept.run.exists()
    assert not kept.control_socket.exists()
    fillers[0].unlink()
    lease = registry.read_lease(kept)
    assert lease is not None
    dead = registry.Lease(lease.session, ProcessIdentity(1, lease.owner.boot, "0"), lease.created)
    registry.write_json(kept.lease, dead)  # this process goes on
    reconcile(engine, kept.root)
    assert not kept.run.exists()
    record = registry.read_record(kept)
    assert record is not None
    assert record.ended


async def test_what_cannot_be_removed_is_noted(engine: Engine, disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remove = AgentContainer.remove

    def refuse(container: AgentContainer) -> None:
        raise EngineRefusedError("device or resource busy")

    monkeypatch.setattr(AgentContainer, "remove", refuse)
    wanted = request(disk.parent / "project")
    session = Session.for_request(wanted)
    monkeypatch.setattr(AgentContainer, "release", lambda _: session.request_stop("seen enough"))
    await session.run(listening=lambda: None)
    record = registry.read_record(paths.SessionPaths.of(wanted.session_id))
    assert record is not None
    assert (record.outcome, record.left) == ("seen enough", ("container",))
    monkeypatch.setattr(AgentContainer, "remove", remove)
    engine.remove_owned(wanted.session_id)
