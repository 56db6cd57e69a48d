import os
import subprocess
import sys
from pathlib import Path

import pytest

from ironcurtain_tui.errors import UserFacingError
from ironcurtain_tui.events import SessionInfo
from ironcurtain_tui.paths import SessionPaths, new_session_id
from ironcurtain_tui.sessions import registry
from ironcurtain_tui.sessions.identity import Life, ProcessIdentity
from tests.small_disk import fill, small_file_system
from tests.waiting import wait_until


def make(root: Path, started: float = 1.0) -> SessionPaths:
    session = SessionPaths.of(new_session_id(), root)
    session.create()
    info = SessionInfo(
        id=session.session_id,
        agent="shell",
        agent_title="Shell",
        workspace="/w",
        rehearsal=False,
        network_mode="uds",
        started=started,
    )
    registry.write_json(session.record, registry.SessionRecord(info=info))
    return session


def dead_process() -> ProcessIdentity:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        alive = ProcessIdentity.current()
        identity = ProcessIdentity(process.pid, alive.boot, _started(process.pid))
        assert identity.alive()
    return identity


def _started(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def test_identity_survives_labels_and_notices_reuse() -> None:
    me = ProcessIdentity.current()
    assert ProcessIdentity.from_labels(me.labels()) == me
    assert me.alive()
    assert not ProcessIdentity(me.pid, me.boot, "1").alive(), "same pid, other process"
    rebooted = ProcessIdentity(me.pid, "another boot", me.started, me.machine)
    assert rebooted.life() is Life.DEAD
    for elsewhere in ("", "another machine"):
        foreign = ProcessIdentity(me.pid, "another boot", me.started, elsewhere)
        assert foreign.life() is Life.UNKNOWN
        assert not foreign.alive()
    assert ProcessIdentity.from_labels(me.labels()) == me
    assert not dead_process().alive()
    assert ProcessIdentity.from_labels({"ironcurtain.owner.pid": "x"}) is None


def test_what_may_live_on_another_machine_is_no_orphan(tmp_path: Path) -> None:
    ours, theirs, gone = make(tmp_path), make(tmp_path), make(tmp_path)
    registry.take_lease(ours, ProcessIdentity.current())
    registry.take_lease(theirs, ProcessIdentity(1, "their boot", "1", "their machine"))
    registry.take_lease(gone, dead_process())
    dead, unproved = registry.orphans(tmp_path)
    assert dead == [gone]
    assert unproved == {theirs.session_id: "its supervisor belongs to another machine"}
    assert [one.id for one in registry.sessions(tmp_path) if one.alive] == [ours.session_id]


def test_a_zombie_is_not_alive() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    identity = ProcessIdentity(process.pid, ProcessIdentity.current().boot, _started(process.pid))
    wait_until(lambda: not identity.alive())
    process.wait()


def test_lease_is_exclusive_among_the_living(tmp_path: Path) -> None:
    session = make(tmp_path)
    registry.take_lease(session, dead_process())
    registry.take_lease(session, ProcessIdentity.current())
    with pytest.raises(UserFacingError, match=str(os.getpid())):
        registry.take_lease(session, ProcessIdentity.current())


def test_orphans_are_the_dead_only(tmp_path: Path) -> None:
    dead, alive, fresh = make(tmp_path), make(tmp_path), make(tmp_path)
    registry.take_lease(dead, dead_process())
    registry.take_lease(alive, ProcessIdentity.current())
    found, unproved = registry.orphans(tmp_path)
    assert found == [dead]
    assert list(unproved) == [fresh.session_id], "a run directory without a lease may be just starting"
    os.utime(fresh.run, (1, 1))
    found, unproved = registry.orphans(tmp_path)
    assert set(found) == {dead, fresh}
    assert not unproved


def test_what_cannot_be_written_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "disk", "1m") as disk:
        owner = disk / "owner.json"
        registry.write_json(owner, ProcessIdentity.current())
        before = owner.read_bytes()
        fill(disk)
        with pytest.raises(OSError, match="No space"):
            registry.write_json(owner, dead_process())
        assert owner.read_bytes() == before
        assert sorted(file.name for file in disk.iterdir()) == ["filler", "owner.json"]


def test_find_by_prefix(tmp_path: Path) -> None:
    with pytest.raises(UserFacingError, match="No session"):
        registry.find("", tmp_path)
    one = make(tmp_path, started=2.0)
    registry.take_lease(one, ProcessIdentity.current())
    make(tmp_path)
    assert registry.find("", tmp_path) == one
    assert registry.find(one.session_id[:4], tmp_path) == one
    with pytest.raises(UserFacingError, match="starts with"):
        registry.find("zzz", tmp_path)
    two = make(tmp_path)
    registry.take_lease(two, ProcessIdentity.current())
    with pytest.raises(UserFacingError, match="Several"):
        registry.find("", tmp_path)
    assert registry.sessions(tmp_path)[0].id == one.session_id


def test_a_broken_record_does_not_hide_the_others(tmp_path: Path) -> None:
    broken, good = make(tmp_path), make(tmp_path)
    broken.record.write_text("{")
    assert [known.id for known in registry.sessions(tmp_path)] == [good.session_id]


def test_files_are_private(tmp_path: Path) -> None:
    session = make(tmp_path)
    registry.take_lease(session, ProcessIdentity.current())
    assert session.lease.stat().st_mode & 0o777 == 0o600
    assert session.run.stat().st_mode & 0o777 == 0o700
