"""What dead supervisors left on the engine is removed; what nothing proves orphaned stays."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ironcurtain_tui.audit.directory import AuditDirectory
from ironcurtain_tui.audit.log import AuditLog
from ironcurtain_tui.audit.verify import verify_log
from ironcurtain_tui.containers.container import AgentContainer
from ironcurtain_tui.containers.engine import Engine
from ironcurtain_tui.containers.failures import EngineRefusedError
from ironcurtain_tui.containers.images import ensure_image
from ironcurtain_tui.containers.network import SessionNetwork
from ironcurtain_tui.containers.sidecar import DoorPorts
from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.paths import SessionPaths, private_directory
from ironcurtain_tui.sessions import aftermath, registry, spare
from ironcurtain_tui.sessions.identity import ProcessIdentity
from ironcurtain_tui.sessions.reconcile import reconcile
from ironcurtain_tui.standby import call
from tests.conftest import engine_or_skip
from tests.small_disk import fill, small_file_system

pytestmark = pytest.mark.engine

ALIVE = ProcessIdentity.current()
DEAD = ProcessIdentity(ALIVE.pid, "another boot", ALIVE.started, "this machine")
"""Our own pid, before a reboot. Only where the machine is said to be that one, as in here: to whoever else cleans up on
this engine meanwhile, it may be alive."""


@pytest.fixture(autouse=True)
def this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ironcurtain_tui.sessions.identity._machine", lambda: "this machine")


@pytest.fixture
def engine() -> Engine:
    engine_or_skip()
    return Engine.connect()


@pytest.fixture
def session(engine: Engine) -> Iterator[str]:
    session = secrets.token_hex(6)
    yield session
    engine.remove_owned(session)


def network_of(engine: Engine, session: str, owner: dict[str, str]) -> SessionNetwork:
    image = ensure_image(engine, "sidecar", lambda _: None)
    return SessionNetwork.create(engine, session, image, DoorPorts(40001, 40002), engine.bridge_gateway(), owner)


def names(engine: Engine, session: str) -> set[str]:
    return {one.name for one in (*engine.find_owned(), *engine.find_owned_networks()) if one.session_id == session}


def test_a_dead_supervisors_sidecar_and_network_go(engine: Engine, session: str, tmp_path: Path) -> None:
    network_of(engine, session, DEAD.labels())
    told = [line for line in reconcile(engine, tmp_path, dry_run=True).removed if session in line]
    assert [line.partition(":")[0] for line in told] == [
        f"container ironcurtain-{session}-sidecar",
        f"network ironcurtain-{session}",
    ]
    assert len(names(engine, session)) == 2, "a dry run removes nothing"
    assert [line for line in reconcile(engine, tmp_path).removed if session in line] == told
    assert names(engine, session) == set()


def test_after_a_reboot_everything_of_before_goes(engine: Engine, session: str, tmp_path: Path) -> None:
    """Ended containers, leases and sockets; not even the same pid and start time mean anything."""
    network = network_of(engine, session, DEAD.labels())
    network.sidecar.stop(0)
    paths = SessionPaths.of(session, tmp_path)
    paths.create()
    registry.take_lease(paths, DEAD)
    paths.proxy_socket.touch()
    assert sum(session in line for line in reconcile(engine, tmp_path).removed) == 3
    assert names(engine, session) == set()
    assert not paths.run.exists()
    assert session not in repr(reconcile(engine, tmp_path)), "once is enough"


def test_a_living_supervisors_stay(engine: Engine, session: str, tmp_path: Path) -> None:
    network_of(engine, session, ALIVE.labels())
    result = reconcile(engine, tmp_path)
    assert session not in repr(result)
    assert len(names(engine, session)) == 2


def test_what_may_live_on_another_machine_is_left_and_told(engine: Engine, session: str, tmp_path: Path) -> None:
    network_of(engine, session, ProcessIdentity(1, "its boot", "1", "its machine").labels())
    result = reconcile(engine, tmp_path)
    assert sum(session in line and "another machine" in line for line in result.left) == 2
    assert len(names(engine, session)) == 2


def test_what_names_no_owner_is_left_and_told(engine: Engine, session: str, tmp_path: Path) -> None:
    network_of(engine, session, {})
    assert repr(reconcile(engine, tmp_path).left).count(session) == 2
    assert len(names(engine, session)) == 2


def test_a_dead_supervisors_network_with_strangers_on_it_is_left_and_told(
    engine: Engine, session: str, tmp_path: Path
) -> None:
    network = network_of(engine, session, DEAD.labels())
    image = ensure_image(engine, "shell", lambda _: None)
    body = {"Image": image, "Entrypoint": ["sleep"], "Cmd": ["infinity"], "HostConfig": {"NetworkMode": network.name}}
    stranger = engine.client.create_container_from_config(body, f"ironcurtain-test-{session}")["Id"]
    try:
        engine.client.start(stranger)
        result = reconcile(engine, tmp_path)
        assert f"network {network.name}: other containers are on it" in result.left
        assert names(engine, session) == {network.name}
        assert engine.client.inspect_container(stranger)["State"]["Running"], "foreign objects are not touched"
    finally:
        engine.client.remove_container(stranger, force=True)


def test_what_the_engine_does_not_remove_is_told_and_stands_in_the_way_of_nothing(
    engine: Engine, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network_of(engine, session, DEAD.labels())
    paths = SessionPaths.of(session, tmp_path)
    paths.create()
    registry.take_lease(paths, DEAD)
    remove = AgentContainer.remove

    def busy(container: AgentContainer) -> None:
        if session in container.name:
            raise EngineRefusedError("device or resource busy")
        remove(container)

    monkeypatch.setattr(AgentContainer, "remove", busy)
    result = reconcile(engine, tmp_path)
    assert f"container ironcurtain-{session}-sidecar: device or resource busy" in result.left
    assert f"network ironcurtain-{session}: other containers are on it" in result.left
    assert not paths.run.exists()
    monkeypatch.setattr(AgentContainer, "remove", remove)
    reconcile(engine, tmp_path)
    assert names(engine, session) == set()


def test_records_that_cannot_be_closed_on_a_full_disk_are_closed_later(engine: Engine, session: str) -> None:
    with tempfile.TemporaryDirectory(prefix="ic-") as directory, small_file_system(Path(directory, "h"), "2m") as root:
        paths = SessionPaths.of(session, root)
        paths.create()
        registry.take_lease(paths, DEAD)
        info = SessionInfo(session, "shell", "Shell", "/w", rehearsal=False, network_mode="uds", started=1.0)
        registry.write_json(paths.record, registry.SessionRecord(info=info))
        with AuditLog.open(paths.audit_log, session, notary=AuditDirectory(root).notary()) as log:
            log.append("session.start", "started", durable=True)
            killed = paths.audit_log.read_bytes()
        paths.audit_log.write_bytes(killed)
        filler = fill(root)
        assert sum(session in line for line in reconcile(engine, root).left) == 1
        assert paths.run.exists()
        filler.unlink()
        reconcile(engine, root)
        assert not paths.run.exists()
        assert verify_log(AuditDirectory(root), session).ended
        record = registry.read_record(paths)
        assert record is not None
        assert record.outcome == "its supervisor died"


def test_a_log_that_was_tampered_with_is_told_and_keeps_nothing_else(
    engine: Engine, session: str, tmp_path: Path
) -> None:
    paths = SessionPaths.of(session, tmp_path)
    paths.create()
    registry.take_lease(paths, DEAD)
    paths.audit_log.write_text('{"not": "ours"}\n')
    assert any("is not right" in line for line in reconcile(engine, tmp_path).left)
    assert not paths.run.exists()


def test_the_place_of_a_killed_spare_is_cleared_and_that_of_a_living_one_is_not(engine: Engine, tmp_path: Path) -> None:
    place = private_directory(spare.directory(tmp_path))
    for name in (call.SOCKET, f".{spare.OWNER}.1", spare.LOG):
        (place / name).touch()
    spare.tell(tmp_path, spare.Spare(ALIVE, spare.clock()))
    assert "spare" not in repr(reconcile(engine, tmp_path))
    spare.tell(tmp_path, spare.Spare(DEAD, spare.clock()))
    with spare.claimed(tmp_path):
        assert "spare" not in repr(reconcile(engine, tmp_path)), "one may be just starting"
    assert "spare" in repr(reconcile(engine, tmp_path, dry_run=True).removed)
    assert len(list(place.iterdir())) == 4
    assert "spare" in repr(reconcile(engine, tmp_path).removed)
    assert [file.name for file in place.iterdir()] == [spare.LOG]
    assert "spare" not in repr(reconcile(engine, tmp_path)), "once is enough"


@pytest.mark.parametrize("when", ["after it", "meanwhile"])
def test_of_two_that_clean_up_at_once_one_closes_the_records(
    engine: Engine, session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    paths = SessionPaths.of(session, tmp_path)
    paths.create()
    registry.take_lease(paths, DEAD)
    with AuditLog.open(paths.audit_log, session) as log:
        log.append("session.start", "started")
    found = registry.orphans(tmp_path)
    monkeypatch.setattr(registry, "orphans", lambda _: found)  # both have seen it
    if when == "meanwhile":
        close = aftermath.close_records

        def close_while_another_comes(one: SessionPaths) -> list[str]:
            assert session not in repr(reconcile(engine, tmp_path))
            return close(one)

        monkeypatch.setattr(aftermath, "close_records", close_while_another_comes)
        reconcile(engine, tmp_path)
    else:
        assert session in repr(reconcile(engine, tmp_path))
        assert session not in repr(reconcile(engine, tmp_path))
    assert not paths.run.exists()
    assert paths.audit_log.read_text().count('"kind":"session.end"') == 1
